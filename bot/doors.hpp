#pragma once

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bot/part.hpp"
#include "config/models.hpp"
#include "sandbox/door.hpp"
#include "sandbox/gateway.hpp"

namespace bot {

/// What a run may reach.
struct DoorOrder {
    std::filesystem::path directory;  ///< as DoorFiles::make has it
    std::vector<std::string> hosts;   ///< of sandbox::EgressPolicy
    std::filesystem::path record;     ///< of decisions
    struct Models {
        std::string provider;
        std::set<std::string> models;  ///< of the provider's, those that may be called
        sandbox::Purse& purse;         ///< outlives the door
        std::filesystem::path record;  ///< of calls
        /// When the run cannot go on: budget spent or service parked. Once or, when the part of the doors was
        /// started anew, more than once; from a thread of ours, and soon over.
        std::function<void()> on_halt;
    };
    std::optional<Models> models;
};

class Doors;
struct KeptDoor;

/// A door that is open in the part; closed when destroyed, all calls settled.
class DoorHandle {
 public:
    DoorHandle(Doors& doors, std::shared_ptr<KeptDoor> door) : doors_(doors), door_(std::move(door)) {}
    ~DoorHandle();
    DoorHandle(const DoorHandle&) = delete;
    DoorHandle& operator=(const DoorHandle&) = delete;

    /// For RunSpec::door.
    [[nodiscard]] const std::filesystem::path& directory() const;
    /// As far as it is known: what a part that died had not told yet, half a second at most, is lost.
    [[nodiscard]] sandbox::DoorReport report() const;

 private:
    Doors& doors_;
    std::shared_ptr<KeptDoor> door_;
};

/// The doors of all runs, which live in a process of their own with the keys of the model services
/// (bot/door_part.hpp). Here stay the listening sockets, the record files and the purses: when that process
/// ends unasked, its doors are opened again on the same sockets in the next one, and what its calls had
/// reserved counts as spent. Thread-safe.
class Doors {
 public:
    /// `program`: of the daemon. Throws std::runtime_error when the part cannot be started.
    Doors(const std::filesystem::path& program, const config::ModelSettings& models);
    ~Doors();
    Doors(const Doors&) = delete;
    Doors& operator=(const Doors&) = delete;

    [[nodiscard]] std::expected<std::unique_ptr<DoorHandle>, sandbox::Error> open(DoorOrder order);
    /// Of sandbox::ModelKeys.
    [[nodiscard]] std::optional<sandbox::ModelKeys::Time> parked_until(std::string_view provider) const;
    /// Of the part; -1 between two.
    [[nodiscard]] pid_t pid() const { return part_->pid(); }

 private:
    friend class DoorHandle;

    void greet(sandbox::Peer& part);
    void ask_open(sandbox::Peer& part, std::uint64_t era, KeptDoor& door) const;
    [[nodiscard]] bool ask_open_now(KeptDoor& door) const;
    void close(const std::shared_ptr<KeptDoor>& door);
    [[nodiscard]] sandbox::DoorReport report(KeptDoor& door) const;
    [[nodiscard]] std::shared_ptr<KeptDoor> find(const sandbox::Message& message) const;

    void reserve(const sandbox::Message& news) const;
    void settle(const sandbox::Message& news) const;
    void halt(const sandbox::Message& news) const;
    void take_report(const sandbox::Message& news) const;

    const config::ModelSettings& models_;
    mutable std::mutex mutex_;          // of the next four
    sandbox::Peer* greeted_ = nullptr;  ///< of this era
    std::uint64_t era_ = 0;             ///< see KeptDoor
    std::uint64_t last_id_ = 0;
    std::map<std::uint64_t, std::shared_ptr<KeptDoor>> doors_;
    std::optional<PeerPart> part_;
};

}  // namespace bot
