#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/practice_forge/hooks.hpp"
#include "tests/practice_forge/world.hpp"

namespace practice_forge {

/// What anybody may do here, bot or person: changes the world and sends the webhook that tells of it. Takes
/// the world's lock itself. Nobody's permission is asked: that is for the REST handlers.
class Deeds {
 public:
    Deeds(World& world, Hooks& hooks) : world_(world), hooks_(hooks) {}

    Repository& create_repository(const RepositorySeed& seed);
    void rename_repository(std::string_view repository, std::string_view new_full_name);
    std::int64_t create_issue(Repository& repository, const std::string& title, const std::string& body,
                              const std::string& author, const std::vector<std::string>& labels);
    void edit_thread(Repository& repository, std::int64_t number, const std::optional<std::string>& title,
                     const std::optional<std::string>& body, const std::string& by);
    void add_labels(Repository& repository, std::int64_t number, const std::vector<std::string>& labels,
                    const std::string& by);
    void remove_label(Repository& repository, std::int64_t number, const std::string& label,
                      const std::string& by);
    std::int64_t comment(Repository& repository, std::int64_t number, const std::string& body,
                         const std::string& by);
    void edit_comment(Repository& repository, std::int64_t id, const std::string& body,
                      const std::string& by);
    void delete_comment(Repository& repository, std::int64_t id, const std::string& by);
    void set_open(Repository& repository, std::int64_t number, bool open, const std::string& reason,
                  const std::string& by);
    void delete_issue(Repository& repository, std::int64_t number, const std::string& by);
    struct Proposed {
        std::string head, base, title, body;
        bool draft = false;
    };
    std::int64_t open_pull(Repository& repository, const Proposed& proposed, const std::string& by);
    std::string merge(Repository& repository, std::int64_t number, const std::string& by);
    struct Reviewed {
        std::string state, body;
        std::vector<InlineComment> comments;
    };
    std::int64_t review(Repository& repository, std::int64_t number, const Reviewed& reviewed,
                        const std::string& by);
    std::int64_t reply(Repository& repository, std::int64_t number, std::int64_t comment,
                       const std::string& body, const std::string& by);
    /// After a push: heads of open pull requests follow their branches.
    void follow_branches(Repository& repository, const std::string& by);
    /// Computes whether it can be merged, unless that is known.
    void weigh(Repository& repository, std::int64_t number);

 private:
    void tell_issue(Repository& repository, const Thread& thread, const std::string& action,
                    const std::string& by, const json& more = json::object());
    void tell_comment(Repository& repository, const StoredComment& comment, const std::string& action,
                      const std::string& by, const json& more = json::object());
    World& world_;
    Hooks& hooks_;
};

}  // namespace practice_forge
