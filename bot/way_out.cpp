#include "bot/way_out.hpp"

#include <fmt/format.h>

#include <utility>

#include "bot/report.hpp"

namespace bot {

namespace {

/// Programs insist on a key; the gateway takes whatever comes for nothing.
constexpr std::string_view key_inside = "kept-outside";

const config::Model* model_of(const config::ModelProvider& provider, const config::AgentProfile& profile) {
    return profile.model.empty() ? &provider.models.front() : config::find_model(provider, profile.model);
}

Time next_midnight() {
    return std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now()) + std::chrono::days(1);
}

}  // namespace

std::optional<integrations::ModelAccess> model_access(const config::Settings& settings,
                                                      const config::AgentProfile& profile) {
    if (profile.provider.empty()) return std::nullopt;
    const auto* provider = config::find_provider(settings.models, profile.provider);
    if (provider == nullptr) return std::nullopt;
    const auto* model = model_of(*provider, profile);
    if (model == nullptr) return std::nullopt;
    return integrations::ModelAccess{
        .base_url = fmt::format("http://127.0.0.1:{}/{}", sandbox::door_port, provider->name),
        .key = std::string(key_inside),
        .provider = *provider,
        .model = *model};
}

Halt budget_halt(const Shop& shop, const Job& job, WaitsFor which) {
    return {.kind = Halt::Kind::waits,
            .reason =
                report::budget_spent(shop.ledger.spent(job.id).micro_dollars, which == WaitsFor::job_budget),
            .waits_for = which};
}

AgentWayOut::AgentWayOut(Shop& shop, const Job& job, const Groundwork& ground, RunId run,
                         const std::string& name, const std::filesystem::path& record,
                         const sandbox::Control& control)
    : shop_(shop),
      job_(job),
      ground_(ground),
      name_(name),
      record_(record),
      outer_(control),
      purse_(shop.ledger, run, shop.settings.models),
      forward_(control.cancel, [this] { cancel_.request_stop(); }) {}

Step<void> AgentWayOut::open() {
    DoorOrder order{.directory = {},
                    .hosts = hosts_for(shop_, ground_.recipe.egress.agent),
                    .record = record_,
                    .models = {}};
    if (const auto models = model_access(shop_.settings, ground_.profile)) {
        if (const auto until = shop_.doors.parked_until(models->provider.name))
            return std::unexpected(Halt{.kind = Halt::Kind::infrastructure,
                                        .reason = report::service_parked(models->provider.name),
                                        .retry_at = until});
        order.models.emplace(
            DoorOrder::Models{.provider = models->provider.name,
                              .models = {models->model.name},
                              .purse = purse_,
                              .record = std::filesystem::path(record_).replace_extension(".calls"),
                              .on_halt = [this] { cancel_.request_stop(); }});
    }
    auto door = open_door(shop_, name_, std::move(order), outer_.detach);
    if (!door) return std::unexpected(door.error());
    door_ = std::move(*door);
    return {};
}

sandbox::Control AgentWayOut::control() const {
    return {.cancel = cancel_.get_token(), .detach = outer_.detach};
}

std::optional<Halt> AgentWayOut::halt() const {
    if (outer_.cancel.stop_requested()) return std::nullopt;  // a person's wish goes before
    const auto models = door_->report().models;
    if (models.budget_spent) {
        using Limit = Ledger::Reserved::Limit;
        const auto limit = purse_.limit();
        if (limit == Limit::day)
            return Halt{.kind = Halt::Kind::infrastructure,
                        .reason = report::day_budget_spent(),
                        .retry_at = next_midnight()};
        return budget_halt(shop_, job_, limit == Limit::job ? WaitsFor::job_budget : WaitsFor::run_budget);
    }
    if (models.parked_until)
        return Halt{.kind = Halt::Kind::infrastructure,
                    .reason = report::service_parked(ground_.profile.provider),
                    .retry_at = models.parked_until,
                    .detail = models.last_fault};
    return std::nullopt;
}

}  // namespace bot
