#include "bot/reader_part.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <utility>

#include "bot/evidence.hpp"
#include "bot/reader_values.hpp"
#include "integrations/agents.hpp"
#include "sandbox/harvest_walk.hpp"
#include "sandbox/part.hpp"
#include "sandbox/peer.hpp"

namespace bot {

namespace {

using sandbox::Message;

constexpr off_t most_of_log = 64 << 20;

std::string end_of_file(int file) {
    struct stat about{};
    if (::fstat(file, &about) != 0) throw std::runtime_error("the log cannot be read");
    const auto begin = std::max<off_t>(0, about.st_size - most_of_log);
    std::string text(static_cast<std::size_t>(about.st_size - begin), '\0');
    std::size_t have = 0;
    while (have < text.size()) {
        const auto got =
            ::pread(file, text.data() + have, text.size() - have, begin + static_cast<off_t>(have));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        have += static_cast<std::size_t>(got);
    }
    text.resize(have);
    return text;
}

Message transcript(Message question) {
    const auto* agent = integrations::find_agent(question.head.at("adapter").get<std::string>());
    if (agent == nullptr || question.files.size() != 1) throw std::runtime_error("no such transcript");
    return reader::message_of(
        agent->reply(end_of_file(question.files[0].get()), question.head.at("exit_code").get<int>()));
}

Message junit(Message question) {
    CheckResult result;
    if (auto cases = parse_junit(question.blobs.at(0)))
        result.tests = std::move(*cases);
    else
        result.junit_problem = std::move(cases.error());
    Message answer;
    answer.blobs.push_back(to_json(std::vector{std::move(result)}));
    return answer;
}

Message file(Message question) {
    const auto content = sandbox::read_file_beneath(question.files.at(0), question.blobs.at(0),
                                                    question.head.at("cap").get<std::uint64_t>());
    if (!content) return reader::message_of(content.error());
    Message answer;
    answer.blobs.push_back(*content);
    return answer;
}

Message tree(Message question, sandbox::Peer& keeper) {
    auto layers = std::move(question.files);
    if (layers.empty()) throw std::runtime_error("no tree to read");
    auto own = std::move(layers.front());
    layers.erase(layers.begin());
    const auto& head = question.head;
    sandbox::HarvestLimits limits{.max_files = head.at("max_files").get<std::size_t>(),
                                  .max_bytes = head.at("max_bytes").get<std::uint64_t>()};
    if (head.at("ignores").get<bool>())
        limits.ignored = [&](const std::string& path) {
            Message doubt;
            doubt.blobs.push_back(path);
            return keeper.call("ignored", std::move(doubt)).head.at("ignored").get<bool>();
        };
    const auto changes = sandbox::harvest_tree(
        std::move(own), head.at("whole").get<bool>() ? sandbox::Written::whole : sandbox::Written::overlay,
        std::move(layers), limits);
    return changes ? reader::message_of(*changes) : reader::message_of(changes.error());
}

}  // namespace

int serve_reader(sandbox::Descriptor channel) {
    sandbox::wall_in({.rights = {sandbox::Right::beneath},
                      .user = sandbox::reader_user,
                      .root = reader_root,
                      .reads_any_file = true});
    std::atomic<sandbox::Peer*> self{nullptr};
    sandbox::Peer peer(
        std::move(channel),
        {{"transcript", transcript}, {"junit", junit}, {"file", file}, {"tree", [&](Message question) {
                                                                            self.wait(nullptr);
                                                                            return tree(std::move(question),
                                                                                        *self.load());
                                                                        }}});
    self = &peer;
    self.notify_all();
    peer.wait();
    return 0;
}

}  // namespace bot
