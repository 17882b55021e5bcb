#include "tests/practice_model/books.hpp"

#include <algorithm>
#include <numeric>

namespace practice_model {

void Books::play(Script script) {
    const std::scoped_lock lock(mutex_);
    std::erase_if(scripts_, [&](const Script& each) { return each.name == script.name; });
    scripts_.push_back(std::move(script));
}

std::optional<Script> Books::script_for(const Conversation& conversation) const {
    const std::scoped_lock lock(mutex_);
    for (auto script = scripts_.rbegin(); script != scripts_.rend(); ++script) {
        if (std::ranges::all_of(script->when, [&](const std::string& words) {
                return conversation.said.find(words) != std::string::npos;
            }))
            return *script;
    }
    return std::nullopt;
}

void Books::fail(Fault fault) {
    const std::scoped_lock lock(mutex_);
    faults_.push_back(std::move(fault));
}

std::optional<Fault> Books::take(const std::string& script, std::size_t step) {
    const std::scoped_lock lock(mutex_);
    for (auto& fault : faults_) {
        if (fault.times <= 0 || (!fault.script.empty() && fault.script != script)) continue;
        if (fault.step && *fault.step != step) continue;
        if (fault.times != Fault::always) --fault.times;
        return fault;
    }
    return std::nullopt;
}

int Books::faults_left() const {
    const std::scoped_lock lock(mutex_);
    return std::accumulate(faults_.begin(), faults_.end(), 0, [](int sum, const Fault& fault) {
        return fault.times > Fault::always - sum ? Fault::always : sum + fault.times;
    });
}

void Books::accept_keys(std::set<std::string> keys) {
    const std::scoped_lock lock(mutex_);
    keys_ = std::move(keys);
}

bool Books::accepts(const std::string& key) const {
    const std::scoped_lock lock(mutex_);
    return keys_.empty() || keys_.contains(key);
}

std::size_t Books::record(Request request) {
    constexpr std::size_t most = 20'000;
    const std::scoped_lock lock(mutex_);
    if (requests_.size() == most) return most;
    requests_.push_back(std::move(request));
    return requests_.size() - 1;
}

void Books::add_bytes(std::size_t request, std::uint64_t bytes) {
    const std::scoped_lock lock(mutex_);
    if (request < requests_.size()) requests_[request].answer_bytes += bytes;
}

std::vector<Request> Books::requests() const {
    const std::scoped_lock lock(mutex_);
    return requests_;
}

void Books::bill(const std::string& key, const Usage& usage) {
    const std::scoped_lock lock(mutex_);
    usage_[key] += usage;
}

std::map<std::string, Usage> Books::usage() const {
    const std::scoped_lock lock(mutex_);
    return usage_;
}

}  // namespace practice_model
