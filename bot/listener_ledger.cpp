#include "bot/listener_ledger.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <exception>
#include <optional>
#include <utility>

#include "bot/job_state.hpp"

namespace bot {

ListenerLedger::ListenerLedger(Options options, Ledger& ledger, Metrics& metrics)
    : options_(std::move(options)), ledger_(ledger), metrics_(metrics) {
    add_gauges();
}

void ListenerLedger::add_gauges() {
    const auto age = [](const std::optional<Time>& since) {
        return since ? std::chrono::duration<double>(std::chrono::system_clock::now() - *since).count() : 0.0;
    };
    const auto one = [this](const char* name, const char* help, auto value) {
        metrics_.gauge(name, help, [this, value] {
            return Metrics::Figures{{{}, static_cast<double>(value(figures_))}};
        });
    };
    metrics_.gauge("shopfloor_jobs", "Jobs by state.", [this] {
        Metrics::Figures figures;
        for (const auto& [state, count] : figures_.jobs)
            figures.emplace_back(Metrics::Labels{{"state", std::string(name(state))}}, count);
        return figures;
    });
    one("shopfloor_oldest_queued_seconds", "How long the oldest queued job has waited.",
        [age](const QueueFigures& now) { return age(now.oldest_queued); });
    one("shopfloor_deliveries_waiting", "Stored deliveries not yet decided on.",
        [](const QueueFigures& now) { return now.deliveries_waiting; });
    one("shopfloor_deliveries_dead", "Deliveries put aside: handling them broke off several times.",
        [](const QueueFigures& now) { return now.deliveries_dead; });
    one("shopfloor_reports_waiting", "Comments, labels and reactions not yet posted.",
        [](const QueueFigures& now) { return now.reports_waiting; });
    one("shopfloor_oldest_report_seconds", "How long the oldest report has waited.",
        [age](const QueueFigures& now) { return age(now.oldest_report); });
}

void ListenerLedger::record(std::vector<integrations::VerifiedDelivery> deliveries,
                            std::move_only_function<void(const std::vector<Recorded>&)> then) {
    ledger_.record(deliveries, [this, then = std::move(then)](const Ledger::Outcomes& stored) mutable {
        std::vector<Recorded> outcomes;
        bool fresh = false;
        for (const auto& one : stored) {
            if (!one) spdlog::error("a delivery is not stored: {}", one.error().what());
            outcomes.push_back(!one                                  ? Recorded::failed
                               : *one == Ledger::Recorded::duplicate ? Recorded::duplicate
                                                                     : Recorded::fresh);
            fresh = fresh || outcomes.back() == Recorded::fresh;
        }
        if (fresh && options_.ring) options_.ring();
        then(outcomes);
    });
}

void ListenerLedger::ask_ready(std::move_only_function<void(std::vector<std::string>)> then) {
    std::vector<std::string> reasons;
    try {
        if (options_.ready) reasons = options_.ready();
        if (auto trouble = ledger_.trouble()) reasons.push_back(std::move(*trouble));
    } catch (const std::exception& fault) {
        reasons.emplace_back(fault.what());
    }
    then(std::move(reasons));
}

void ListenerLedger::ask_figures(std::move_only_function<void(Figures)> then) {
    Figures figures;
    try {
        figures_ = ledger_.figures();
        figures = metrics_.text();
    } catch (const std::exception& fault) {
        figures = std::unexpected(fault.what());
    }
    then(std::move(figures));
}

}  // namespace bot
