#pragma once

#include <map>
#include <string>
#include <utility>

namespace integrations {

/// Header names in lower case.
using Headers = std::multimap<std::string, std::string>;

/// One webhook request as received. Nothing in it is believed yet.
struct Delivery {
    std::string forge;  ///< ForgeSettings::name, from the route
    Headers headers;
    std::string body;
};

/// What a delivery's headers call it.
struct DeliveryNames {
    std::string hook_id, delivery_id, event_name;
};

/// A delivery whose signature was right, or what the forge said when it was asked.
class VerifiedDelivery {
 public:
    [[nodiscard]] const std::string& forge() const { return forge_; }
    [[nodiscard]] const std::string& hook_id() const { return hook_id_; }
    [[nodiscard]] const std::string& delivery_id() const { return delivery_id_; }
    [[nodiscard]] const std::string& event_name() const { return event_name_; }
    [[nodiscard]] const std::string& body() const& { return body_; }
    [[nodiscard]] std::string body() && { return std::move(body_); }

 private:
    friend class Verifier;
    friend class Replay;
    VerifiedDelivery() = default;
    std::string forge_, hook_id_, delivery_id_, event_name_, body_;
};

/// The keeper's key to deliveries that were verified before it has them.
class Replay {
 public:
    /// By the listener, which is a process of its own and has the webhook secrets.
    [[nodiscard]] static VerifiedDelivery handed_over(std::string forge, std::string hook_id,
                                                      std::string delivery_id, std::string event_name,
                                                      std::string body);
    /// By the keeper itself, which asked the forge (forge_asked).
    [[nodiscard]] static VerifiedDelivery asked(std::string forge, std::string hook_id,
                                                std::string delivery_id, std::string event_name,
                                                std::string body);
    /// When they were stored.
    [[nodiscard]] static VerifiedDelivery stored(std::string forge, std::string hook_id,
                                                 std::string delivery_id, std::string event_name,
                                                 std::string body);
};

}  // namespace integrations
