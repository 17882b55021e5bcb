#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace sandbox {

/// Names of the runs that this process has in hand: a second one of the same name would end the first, and a
/// sweep must leave them alone. Thread-safe.
class Running {
 public:
    /// The name is taken as long as it lives.
    class Name {
     public:
        Name(Running& running, std::string name) : running_(&running), name_(std::move(name)) {}
        ~Name() {
            if (running_ == nullptr) return;
            const std::scoped_lock lock(running_->mutex_);
            running_->names_.erase(name_);
        }
        Name(Name&& other) noexcept
            : running_(std::exchange(other.running_, nullptr)), name_(std::move(other.name_)) {}
        Name(const Name&) = delete;
        Name& operator=(const Name&) = delete;
        Name& operator=(Name&&) = delete;

     private:
        Running* running_;
        std::string name_;
    };

    /// Nothing when it is taken.
    [[nodiscard]] std::optional<Name> take(const std::string& name) {
        const std::scoped_lock lock(mutex_);
        if (!names_.insert(name).second) return std::nullopt;
        return std::optional<Name>(std::in_place, *this, name);
    }

 private:
    mutable std::mutex mutex_;
    std::set<std::string, std::less<>> names_;
};

}  // namespace sandbox
