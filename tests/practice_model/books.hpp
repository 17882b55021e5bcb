#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/practice_model/conversation.hpp"
#include "tests/practice_model/practice_model.hpp"

namespace practice_model {

/// Everything that a practice model remembers. Thread-safe.
class Books {
 public:
    void play(Script script);
    [[nodiscard]] std::optional<Script> script_for(const Conversation& conversation) const;

    void fail(Fault fault);
    /// The first fault that wants this step, counted down.
    [[nodiscard]] std::optional<Fault> take(const std::string& script, std::size_t step);
    [[nodiscard]] int faults_left() const;

    void accept_keys(std::set<std::string> keys);
    [[nodiscard]] bool accepts(const std::string& key) const;

    /// Written down before the answer, so that who has the answer finds its request here. Returns its number.
    std::size_t record(Request request);
    void add_bytes(std::size_t request, std::uint64_t bytes);
    [[nodiscard]] std::vector<Request> requests() const;

    void bill(const std::string& key, const Usage& usage);
    [[nodiscard]] std::map<std::string, Usage> usage() const;

 private:
    mutable std::mutex mutex_;
    std::vector<Script> scripts_;
    std::vector<Fault> faults_;
    std::set<std::string> keys_;
    std::vector<Request> requests_;
    std::map<std::string, Usage> usage_;
};

}  // namespace practice_model
