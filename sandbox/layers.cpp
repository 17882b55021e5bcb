#include "sandbox/layers.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <system_error>
#include <utility>
#include <vector>

#include "sandbox/layers_tree.hpp"

// On disk: `<hash>` (the layer), `<hash>.facts` (its bytes, whether it is whole, its key; time of change =
// last use). A layer counts when both are there. It is made as `<hash>.making`, renamed, and only then given
// its facts; to evict, the facts go first. So whatever a crash leaves is seen and removed at the next start.

namespace sandbox {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view facts_ending = ".facts";

bool write_facts(const fs::path& file, std::uint64_t bytes, bool whole, const std::string& key) {
    const fs::path making = file.string() + ".making";
    {
        std::ofstream out(making, std::ios::binary);
        out << fmt::format("bytes {}\nwhole {}\nkey {}", bytes, whole ? 1 : 0, key);
        if (!out.flush()) return false;
    }
    std::error_code error;
    fs::rename(making, file, error);
    return !error;
}

}  // namespace

std::string LayerCache::hash(const std::string& key) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    ::EVP_Digest(key.data(), key.size(), digest.data(), &size, ::EVP_sha256(), nullptr);
    std::string name;
    for (std::size_t at = 0; at < 16; ++at) name += fmt::format("{:02x}", digest[at]);
    return name;
}

LayerCache::LayerCache(fs::path folder) : folder_(std::move(folder)) { load(); }

void LayerCache::load() {
    std::set<std::string> there;
    for (const auto& entry : fs::directory_iterator(folder_)) there.insert(entry.path().filename().string());
    for (const auto& name : there) {
        if (name.contains('.') || !there.contains(name + std::string(facts_ending))) continue;
        const fs::path facts = folder_ / (name + std::string(facts_ending));
        std::ifstream in(facts);
        std::string word;
        Entry entry;
        std::error_code error;
        entry.used = fs::last_write_time(facts, error);
        if (in >> word >> entry.bytes >> word >> entry.whole && !error)
            entries_.emplace(name, std::move(entry));
    }
    for (const auto& name : there) {
        const std::string layer = name.substr(0, name.find('.'));
        const bool known =
            entries_.contains(layer) && (name == layer || name == layer + std::string(facts_ending));
        if (!known) discard(name);
    }
}

void LayerCache::discard(const std::string& file_name) {
    // What cannot be removed now is tried again at the next start: it has no facts.
    if (const auto here = tree::open_folder(folder_)) std::ignore = tree::remove(here.get(), file_name);
}

SharedLayer LayerCache::use(const std::string& name, Entry& entry) {
    std::error_code ignored;  // a last use that cannot be written down only makes the layer look older
    entry.used = fs::file_time_type::clock::now();
    fs::last_write_time(folder_ / (name + std::string(facts_ending)), entry.used, ignored);
    auto layer = entry.use.lock();
    if (!layer) {
        layer = std::make_shared<const LayerUse>(folder_ / name, entry.whole);
        entry.use = layer;
    }
    return layer;
}

std::expected<SharedLayer, Error> LayerCache::get(const std::string& key, bool whole, const Fill& fill) {
    const std::string name = hash(key);
    std::unique_lock lock(mutex_);
    for (;;) {
        if (const auto known = entries_.find(name); known != entries_.end()) return use(name, known->second);
        const auto making = flights_.find(name);
        if (making == flights_.end()) break;
        const auto flight = making->second;
        landed_.wait(lock, [&] { return flight->landed; });
    }
    const auto flight = flights_.emplace(name, std::make_shared<Flight>()).first->second;
    lock.unlock();

    std::expected<Entry, Error> made;
    try {
        made = make(name, key, whole, fill);
    } catch (...) {
        discard(name + ".making");  // before who waits begins to make it
        lock.lock();
        land(name, flight);
        throw;
    }
    lock.lock();
    if (!made) {
        land(name, flight);
        return std::unexpected(made.error());
    }
    auto layer = use(name, entries_.insert_or_assign(name, std::move(*made)).first->second);
    land(name, flight);
    return layer;
}

void LayerCache::land(const std::string& name, const std::shared_ptr<Flight>& flight) {
    flight->landed = true;
    flights_.erase(name);
    landed_.notify_all();
}

std::expected<LayerCache::Entry, Error> LayerCache::make(const std::string& name, const std::string& key,
                                                         bool whole, const Fill& fill) {
    const fs::path making = folder_ / (name + ".making");
    discard(name);  // an eviction that a crash or an error stopped half-way
    discard(name + ".making");
    std::error_code error;
    fs::create_directory(making, error);
    if (error) return std::unexpected(tree::failed("cannot make", making, error.value()));
    const auto give_up = [&](Error why) -> std::expected<Entry, Error> {
        discard(name + ".making");
        return std::unexpected(std::move(why));
    };
    if (auto filled = fill(making); !filled) return give_up(filled.error());
    const auto opened = tree::open_folder(making);
    if (!opened) return give_up(tree::failed("cannot open", making));
    const auto bytes = tree::settle(opened.get());
    if (!bytes) return give_up(bytes.error());
    fs::rename(making, folder_ / name, error);
    if (error) return give_up(tree::failed("cannot name", making, error.value()));
    const fs::path facts = folder_ / (name + std::string(facts_ending));
    if (!write_facts(facts, *bytes, whole, key)) {
        discard(name);
        return std::unexpected(tree::failed("cannot write", facts));
    }
    Entry entry;
    entry.bytes = *bytes;
    entry.whole = whole;
    return entry;
}

void LayerCache::evict(std::uint64_t most, const std::set<std::string>& pinned) {
    std::vector<std::string> going;
    {
        const std::scoped_lock lock(mutex_);
        std::uint64_t bytes = 0;
        std::vector<std::pair<fs::file_time_type, std::string>> idle;
        for (const auto& [name, entry] : entries_) {
            bytes += entry.bytes;
            if (entry.use.expired() && !pinned.contains(name)) idle.emplace_back(entry.used, name);
        }
        std::ranges::sort(idle);
        for (const auto& [used, name] : idle) {
            if (bytes <= most) break;
            // Under a name that nobody asks for, so that the layer can be made again while this one goes.
            static unsigned serial = 0;
            const std::string doomed = fmt::format("{}.going-{}", name, serial++);
            std::error_code error;
            fs::remove(folder_ / (name + std::string(facts_ending)), error);
            fs::rename(folder_ / name, folder_ / doomed, error);
            const auto entry = entries_.find(name);
            bytes -= entry->second.bytes;
            entries_.erase(entry);
            going.push_back(doomed);
        }
    }
    for (const auto& name : going) discard(name);
}

Workspaces::CacheFigures LayerCache::figures() const {
    const std::scoped_lock lock(mutex_);
    Workspaces::CacheFigures result;
    result.layers = entries_.size();
    for (const auto& [name, entry] : entries_) result.bytes += entry.bytes;
    return result;
}

}  // namespace sandbox
