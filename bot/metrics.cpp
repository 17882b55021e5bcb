#include "bot/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace bot {

namespace {

std::string escape(const std::string& value) {
    std::string text;
    for (const char c : value) {
        if (c == '\\' || c == '"') text += '\\';
        if (c == '\n')
            text += "\\n";
        else
            text += c;
    }
    return text;
}

/// `a="x",b="y"`
std::string to_text(const Metrics::Labels& labels) {
    std::string text;
    for (const auto& [name, value] : labels)
        text += fmt::format("{}{}=\"{}\"", text.empty() ? "" : ",", name, escape(value));
    return text;
}

std::string in_braces(const std::string& labels) {
    return labels.empty() ? std::string() : "{" + labels + "}";
}

}  // namespace

void Metrics::Histogram::observe(double seconds) {
    const auto bucket = std::ranges::lower_bound(bounds, seconds) - bounds.begin();
    buckets_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
    microseconds_.fetch_add(static_cast<std::uint64_t>(seconds * 1e6), std::memory_order_relaxed);
}

Metrics::Counter& Metrics::counter(const std::string& name, const std::string& help, const Labels& labels) {
    const std::lock_guard lock(mutex_);
    auto& family = families_[name];
    family.help = help;
    auto& counter = family.counters[to_text(labels)];
    if (!counter) counter = std::make_unique<Counter>();
    return *counter;
}

Metrics::Histogram& Metrics::histogram(const std::string& name, const std::string& help,
                                       const Labels& labels) {
    const std::lock_guard lock(mutex_);
    auto& family = families_[name];
    family.help = help;
    auto& histogram = family.histograms[to_text(labels)];
    if (!histogram) histogram = std::make_unique<Histogram>();
    return *histogram;
}

void Metrics::gauge(const std::string& name, const std::string& help, std::function<Figures()> ask) {
    const std::lock_guard lock(mutex_);
    families_[name] = Family{.help = help, .counters = {}, .histograms = {}, .ask = std::move(ask)};
}

std::string Metrics::text() const {
    const std::lock_guard lock(mutex_);
    std::string text;
    auto out = std::back_inserter(text);
    for (const auto& [name, family] : families_) {
        const auto* type = family.ask ? "gauge" : family.histograms.empty() ? "counter" : "histogram";
        fmt::format_to(out, "# HELP {0} {1}\n# TYPE {0} {2}\n", name, family.help, type);
        for (const auto& [labels, counter] : family.counters)
            fmt::format_to(out, "{}{} {}\n", name, in_braces(labels), counter->value());
        for (const auto& [labels, histogram] : family.histograms) {
            const auto* comma = labels.empty() ? "" : ",";
            std::uint64_t count = 0;
            for (std::size_t i = 0; i <= Histogram::bounds.size(); ++i) {
                count += histogram->buckets_[i].load(std::memory_order_relaxed);
                const auto bound =
                    i < Histogram::bounds.size() ? fmt::format("{}", Histogram::bounds[i]) : "+Inf";
                fmt::format_to(out, "{}_bucket{{{}{}le=\"{}\"}} {}\n", name, labels, comma, bound, count);
            }
            const auto sum =
                static_cast<double>(histogram->microseconds_.load(std::memory_order_relaxed)) / 1e6;
            fmt::format_to(out, "{0}_sum{1} {2}\n{0}_count{1} {3}\n", name, in_braces(labels), sum, count);
        }
        if (!family.ask) continue;
        for (const auto& [labels, value] : family.ask())
            fmt::format_to(out, "{}{} {}\n", name, in_braces(to_text(labels)), value);
    }
    return text;
}

}  // namespace bot
