#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace bot {

/// What the daemon counts, in Prometheus' text format:
/// https://prometheus.io/docs/instrumenting/exposition_formats/ Thread-safe. Counters and histograms live as
/// long as the registry: look one up once and keep the reference.
class Metrics {
 public:
    using Labels = std::vector<std::pair<std::string, std::string>>;

    class Counter {
     public:
        void add(std::uint64_t more = 1) { value_.fetch_add(more, std::memory_order_relaxed); }
        [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

     private:
        std::atomic<std::uint64_t> value_{0};
    };

    /// Of durations in seconds.
    class Histogram {
     public:
        static constexpr std::array bounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                           0.25,  0.5,    1.0,   2.5,  5.0,   10.0};
        void observe(double seconds);

     private:
        friend class Metrics;
        std::array<std::atomic<std::uint64_t>, bounds.size() + 1> buckets_{};
        std::atomic<std::uint64_t> microseconds_{0};
    };

    /// The same name and labels give the same one. `help`: one line.
    Counter& counter(const std::string& name, const std::string& help, const Labels& labels = {});
    Histogram& histogram(const std::string& name, const std::string& help, const Labels& labels = {});
    /// Figures asked for when they are looked at; `ask` must outlive the registry's use and be thread-safe.
    using Figures = std::vector<std::pair<Labels, double>>;
    void gauge(const std::string& name, const std::string& help, std::function<Figures()> ask);

    [[nodiscard]] std::string text() const;

 private:
    struct Family {
        std::string help;
        std::map<std::string, std::unique_ptr<Counter>> counters;      // by labels as text
        std::map<std::string, std::unique_ptr<Histogram>> histograms;  // by labels as text
        std::function<Figures()> ask;
    };
    mutable std::mutex mutex_;
    std::map<std::string, Family> families_;
};

}  // namespace bot
