#include "bot/reader.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "bot/reader_values.hpp"
#include "bot/sentences.hpp"
#include "sandbox/part.hpp"

namespace bot {

namespace {

namespace fs = std::filesystem;
using integrations::AgentReply;
using sandbox::HarvestError;
using sandbox::Message;

constexpr std::uint64_t most_seconds = 120;  // of processor time for one question
constexpr std::uint64_t most_files = 256;    // open at a time
constexpr std::size_t most_doubts = 4;  // asked back at a time: a reader goes through a tree path by path

sandbox::Descriptor empty_folder(const fs::path& folder) {
    fs::create_directories(folder);
    fs::permissions(folder, fs::perms::owner_read | fs::perms::owner_exec | fs::perms::group_read |
                                fs::perms::group_exec | fs::perms::others_read | fs::perms::others_exec);
    if (!fs::is_empty(folder))
        throw std::runtime_error(fmt::format("{} must be empty; remove what is in it", folder.string()));
    return sandbox::Descriptor(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

HarvestError lost(std::string_view why) {
    return {.kind = HarvestError::Kind::io, .path = {}, .message = fmt::format("the reader: {}.", why)};
}

/// A descriptor of each folder, for the reader alone.
std::expected<std::vector<sandbox::Descriptor>, HarvestError> views_of(const std::vector<fs::path>& folders) {
    std::vector<sandbox::Descriptor> views;
    for (const auto& folder : folders) {
        views.push_back(sandbox::view_of(folder));
        if (!views.back())
            return std::unexpected(HarvestError{
                .kind = HarvestError::Kind::io,
                .path = folder.filename().string(),
                .message = fmt::format("cannot open {}: {}", folder.string(), std::strerror(errno))});
    }
    return views;
}

}  // namespace

Reader::Reader(fs::path program, const fs::path& folder, std::chrono::milliseconds patience)
    : program_(std::move(program)), empty_(empty_folder(folder)), patience_(patience) {}

Message Reader::ask(std::string_view verb, Message question, sandbox::Peer::Verbs verbs) const {
    auto [ours, theirs] = sandbox::Channel::pair();
    auto plan = sandbox::part_plan(program_, "reader", {theirs.get(), empty_.get()});
    plan.limits = {{RLIMIT_CPU, most_seconds}, {RLIMIT_NOFILE, most_files}};
#ifndef SHOPFLOOR_SANITIZED  // a sanitizer's shadow takes terabytes of address space
    constexpr std::uint64_t most_memory = 4ULL << 30;
    plan.limits.emplace_back(RLIMIT_AS, most_memory);
#endif
    const auto process = sandbox::Process::start(plan);
    if (!process) throw std::runtime_error(process.error().message);
    theirs.close();
    sandbox::Peer peer(std::move(ours), std::move(verbs), most_doubts);
    return peer.call(verb, std::move(question), patience_);
}

std::expected<sandbox::Changes, HarvestError> Reader::harvest(const fs::path& own, sandbox::Written written,
                                                              const std::vector<fs::path>& layers,
                                                              const sandbox::HarvestLimits& limits) try {
    std::vector<fs::path> folders{own};
    folders.insert(folders.end(), layers.begin(), layers.end());
    auto views = views_of(folders);
    if (!views) return std::unexpected(views.error());
    Message question;
    question.files = std::move(*views);
    question.head = {{"whole", written == sandbox::Written::whole},
                     {"max_files", limits.max_files},
                     {"max_bytes", limits.max_bytes},
                     {"ignores", limits.ignored != nullptr}};
    const auto answer = ask("tree", std::move(question), {{"ignored", [&](const Message& doubt) {
                                                               Message word;
                                                               word.head["ignored"] =
                                                                   limits.ignored(doubt.blobs.at(0));
                                                               return word;
                                                           }}});
    if (reader::is_error(answer)) return std::unexpected(reader::error_of(answer));
    auto changes = reader::changes_of(answer);
    if (const auto fault = sandbox::changes_fault(changes, limits); !fault.empty())
        return std::unexpected(lost(fault));
    return changes;
} catch (const std::exception& error) {
    return std::unexpected(lost(error.what()));
}

std::expected<std::string, HarvestError> Reader::read(const fs::path& root, const std::string& path,
                                                      std::uint64_t cap) try {
    auto view = views_of({root});
    if (!view) return std::unexpected(view.error());
    Message question;
    question.files = std::move(*view);
    question.blobs.push_back(path);
    question.head["cap"] = cap;
    auto answer = ask("file", std::move(question));
    if (reader::is_error(answer)) return std::unexpected(reader::error_of(answer));
    if (answer.blobs.at(0).size() > cap) return std::unexpected(lost("it gave more than was asked for"));
    return std::move(answer.blobs.at(0));
} catch (const std::exception& error) {
    return std::unexpected(lost(error.what()));
}

AgentReply Reader::reply(const std::string& adapter, const fs::path& log, int exit_code) const try {
    Message question;
    question.head = {{"adapter", adapter}, {"exit_code", exit_code}};
    question.files.emplace_back(::open(log.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!question.files[0])
        question.files[0] = sandbox::Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    return reader::reply_of(ask("transcript", std::move(question)));
} catch (const std::exception& error) {
    spdlog::warn("{}: the reader: {}", log.string(), error.what());
    return {.verdict = AgentReply::Verdict::failed, .detail = "what the program printed could not be read"};
}

std::expected<std::vector<TestCase>, std::string> Reader::junit(std::string xml) const try {
    Message question;
    question.blobs.push_back(std::move(xml));
    auto results = results_from_json(ask("junit", std::move(question)).blobs.at(0));
    if (!results) return std::unexpected(results.error());
    auto& result = results->at(0);
    if (!result.tests) return std::unexpected(result.junit_problem);
    return std::move(*result.tests);
} catch (const std::exception& error) {
    spdlog::warn("a JUnit report: the reader: {}", error.what());
    return std::unexpected(std::string(sentence::junit_unreadable));
}

}  // namespace bot
