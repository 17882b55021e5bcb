#include "tests/practice_forge/faults.hpp"

#include <fnmatch.h>

namespace practice_forge {

void Faults::add(const Fault& fault) {
    const std::scoped_lock lock(mutex_);
    faults_.push_back(fault);
}

void Faults::clear() {
    const std::scoped_lock lock(mutex_);
    faults_.clear();
}

int Faults::left(std::string_view name) const {
    const std::scoped_lock lock(mutex_);
    int sum = 0;
    for (const auto& fault : faults_) {
        if (fault.name == name) sum += fault.times;
    }
    return sum;
}

std::optional<Fault> Faults::take(const std::string& method, const std::string& path,
                                  const std::string& body) {
    const std::scoped_lock lock(mutex_);
    for (auto& fault : faults_) {
        if (fault.times == 0 || (fault.method != "*" && fault.method != method)) continue;
        if (fnmatch(fault.path.c_str(), path.c_str(), 0) != 0) continue;
        if (body.find(fault.words) == std::string::npos) continue;
        if (fault.skip > 0) {
            --fault.skip;
            continue;
        }
        if (fault.times > 0) --fault.times;
        return fault;
    }
    return std::nullopt;
}

}  // namespace practice_forge
