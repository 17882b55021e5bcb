#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "tests/practice_forge/faults.hpp"
#include "tests/practice_forge/rest.hpp"
#include "tests/practice_forge/world.hpp"

namespace httplib {
struct Request;
struct Response;
}  // namespace httplib

namespace practice_forge {

/// Every connected socket of this process: descriptor, local and remote port.
void for_each_socket(const std::function<void(int, int, int)>& visit);
[[nodiscard]] std::multimap<std::string, std::string> lower_headers(const httplib::Request& request);
void put(httplib::Response& response, const Answer& answer);

/// The scripted fault of one request, if any, and when it strikes.
class Strike {
 public:
    Strike(Faults& faults, const Ground& ground, const httplib::Request& request, const std::string& path,
           int port);

    /// Whether the request ends here, unheard.
    [[nodiscard]] bool before(httplib::Response& response);
    void after(httplib::Response& response);
    /// A reset waits until the request is recorded: who sees it may look at the record at once.
    void finish() const;
    [[nodiscard]] std::string name() const;

 private:
    bool strike(httplib::Response& response);

    const Ground& ground_;
    std::optional<Fault> fault_;
    int remote_port_, port_;
    bool reset_ = false;
};

}  // namespace practice_forge
