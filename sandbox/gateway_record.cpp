#include "sandbox/gateway_record.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <string>

#include "sandbox/gateway_json.hpp"

namespace sandbox {

namespace {

constexpr std::uint64_t most_record_bytes = 8 << 20;

}  // namespace

CallRecords::CallRecords(int file) : file_(file) {
    struct stat status{};
    if (::fstat(file_, &status) == 0) bytes_ = static_cast<std::uint64_t>(status.st_size);
}

void CallRecords::add(const CallRecord& call) {
    const auto now = std::chrono::system_clock::now();
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(now - call.began);
    Json line{
        {"time", fmt::format("{:%FT%TZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(call.began)))},
        {"endpoint", call.endpoint},
        {"model", call.model},
        {"status", call.status},
        {"requests", call.used.requests},
        {"input_tokens", call.used.input_tokens},
        {"cached_tokens", call.used.cached_tokens},
        {"output_tokens", call.used.output_tokens},
        {"micro_dollars", call.used.micro_dollars},
        {"milliseconds", took.count()}};
    if (!call.refused.empty()) line["refused"] = call.refused;
    if (!call.fault.empty()) line["fault"] = call.fault;
    const auto text = line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    const std::scoped_lock lock(mutex_);
    if (bytes_ + text.size() > most_record_bytes) return;
    // A full disk costs lines, not calls: what they came to is in the purse's books.
    if (::write(file_, text.data(), text.size()) > 0) bytes_ += text.size();
}

}  // namespace sandbox
