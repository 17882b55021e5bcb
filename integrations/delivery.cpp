#include "integrations/delivery.hpp"

#include <utility>

namespace integrations {

VerifiedDelivery Replay::handed_over(std::string forge, std::string hook_id, std::string delivery_id,
                                     std::string event_name, std::string body) {
    return stored(std::move(forge), std::move(hook_id), std::move(delivery_id), std::move(event_name),
                  std::move(body));
}

VerifiedDelivery Replay::asked(std::string forge, std::string hook_id, std::string delivery_id,
                               std::string event_name, std::string body) {
    return stored(std::move(forge), std::move(hook_id), std::move(delivery_id), std::move(event_name),
                  std::move(body));
}

VerifiedDelivery Replay::stored(std::string forge, std::string hook_id, std::string delivery_id,
                                std::string event_name, std::string body) {
    VerifiedDelivery delivery;
    delivery.forge_ = std::move(forge);
    delivery.hook_id_ = std::move(hook_id);
    delivery.delivery_id_ = std::move(delivery_id);
    delivery.event_name_ = std::move(event_name);
    delivery.body_ = std::move(body);
    return delivery;
}

}  // namespace integrations
