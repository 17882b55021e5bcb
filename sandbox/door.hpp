#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/descriptor.hpp"
#include "sandbox/gateway.hpp"
#include "sandbox/sandbox.hpp"

/// The one way out of a sandbox: a Unix socket for one run, in a folder that is shown inside at
/// `door_target`. A connection is either `CONNECT name:443` (egress policy) or a call of the model gateway;
/// everything else is refused. What may pass is decided, counted and written down here, outside.
namespace sandbox {

/// Names that may be reached, and how much. Names are as config/hosts.hpp has them.
struct EgressPolicy {
    std::vector<std::string> hosts;               ///< patterns; empty: nothing may be reached
    std::uint64_t connection_bytes = 2ULL << 30;  ///< both ways together
    std::chrono::milliseconds connection_time{30 * 60 * 1000};
    std::chrono::milliseconds idle{120'000};
    /// For each step before bytes pass: the request, the lookup, each address dialled, the first of TLS.
    std::chrono::milliseconds patience{10'000};
    int connections = 64;  ///< at one time
    /// Name -> addresses (numeric). Default: the system's resolver. Another one is not interrupted when the
    /// door closes, and must answer soon.
    std::function<std::vector<std::string>(const std::string& host)> resolve;
    /// Numeric addresses of this machine: never dialled, public ones too. Default: those of its interfaces.
    std::function<std::vector<std::string>()> own_addresses;
};

/// What a door stands on. Whoever makes it need not be the one who serves it.
struct DoorFiles {
    Descriptor listener;
    Descriptor
        record;  ///< a line of JSON for each decision on a connection, until it has 4 MiB; may be empty

    /// `directory`: made, mode 0711; its parent is there. The socket in it is the sandbox user's. `record`:
    /// empty for none.
    [[nodiscard]] static std::expected<DoorFiles, Error> make(const std::filesystem::path& directory,
                                                              const std::filesystem::path& record);
};

struct DoorPlan {
    DoorFiles files;
    EgressPolicy egress;
    std::unique_ptr<Gateway> gateway;  ///< none: there is no model API
    unsigned visitor = sandbox_uid();  ///< who may come: the user id of programs inside
};

/// What wanted to get out.
struct DoorReport {
    struct Host {
        std::string name;  ///< as far as it can be shown; at most 253 characters of printable ASCII
        std::string why;   ///< a few words: not allowed by the recipe, leads to an inner address, …
        int times = 0;
        friend bool operator==(const Host&, const Host&) = default;
    };
    std::vector<Host> refused;  ///< each once, at most 50
    std::vector<std::string> reached;
    std::uint64_t egress_bytes = 0;  ///< both ways
    GatewayReport models;
    friend bool operator==(const DoorReport&, const DoorReport&) = default;
};

/// Serves from the moment it is open until it is destroyed, which ends every connection. A door of the same
/// folder may be opened anew later: a program that outlives this process finds it again.
class Door {
 public:
    [[nodiscard]] static std::expected<std::unique_ptr<Door>, Error> open(DoorPlan plan);
    ~Door();
    Door(const Door&) = delete;
    Door& operator=(const Door&) = delete;

    [[nodiscard]] DoorReport report() const;

 private:
    struct Inside;
    explicit Door(std::unique_ptr<Inside> inside);
    std::unique_ptr<Inside> inside_;
};

}  // namespace sandbox
