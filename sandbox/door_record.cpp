#include "sandbox/door_record.hpp"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "sandbox/egress_head.hpp"

namespace sandbox {

namespace {

constexpr std::size_t most_hosts = 50;
constexpr off_t most_bytes = 4 << 20;  // of the file; the programs inside decide how many lines there are

std::string_view name(DoorRecord::Decision decision) {
    switch (decision) {
        case DoorRecord::Decision::refused:
            return "refused";
        case DoorRecord::Decision::failed:
            return "failed";
        case DoorRecord::Decision::allowed:
            return "allowed";
    }
    return "unknown";
}

std::string now_text() {
    const auto now =
        std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
    return fmt::format("{:%Y-%m-%dT%H:%M:}{:06.3f}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(now)),
                       static_cast<double>(now.time_since_epoch().count() % 60'000) / 1000);
}

}  // namespace

std::expected<Descriptor, Error> open_record(const std::filesystem::path& file) {
    Descriptor opened(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!opened)
        return std::unexpected(
            Error{Error::Kind::unavailable,
                  fmt::format("cannot write the record of the door {}: {}; its folder must be "
                              "there and writable, with room on its disk",
                              file.string(), std::strerror(errno))});
    return opened;
}

void DoorRecord::reached(const std::string& host) {
    const std::lock_guard lock(mutex_);
    auto& known = report_.reached;
    if (known.size() < most_hosts && std::ranges::find(known, host) == known.end()) known.push_back(host);
}

void DoorRecord::add(const Line& line) {
    const auto host = shown(line.host);
    const std::lock_guard lock(mutex_);
    write(line, host);
    if (host.empty()) return;
    if (line.decision == Decision::refused) {
        auto& refused = report_.refused;
        const auto known = std::ranges::find(refused, host, &DoorReport::Host::name);
        if (known != refused.end())
            ++known->times;
        else if (refused.size() < most_hosts)
            refused.push_back({.name = host, .why = shown(line.why), .times = 1});
    }
}

/// One write() a line, so that whoever appends to the same file does not cut into it.
void DoorRecord::write(const Line& line, const std::string& host) {
    struct stat status{};
    if (!file_ || ::fstat(file_.get(), &status) != 0) return;
    const bool full = status.st_size >= most_bytes;
    nlohmann::ordered_json json{{"at", now_text()}};
    if (full) {
        json["note"] = "the record is full: no more decisions are written down";
    } else {
        json["decision"] = name(line.decision);
        json["host"] = host;
        json["why"] = shown(line.why);
        if (!line.address.empty()) json["address"] = line.address;
        if (line.decision == Decision::allowed) {
            json["up"] = line.up;
            json["down"] = line.down;
            json["ms"] = line.duration.count();
        }
    }
    const auto text = json.dump() + "\n";  // printable ASCII in every part: dump() has nothing to throw at
    if (::write(file_.get(), text.data(), text.size()) < 0 || full) file_.close();
}

DoorReport DoorRecord::report() const {
    const std::lock_guard lock(mutex_);
    auto report = report_;
    report.egress_bytes = bytes_;
    return report;
}

}  // namespace sandbox
