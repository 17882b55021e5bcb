#include "tests/practice_forge/inside.hpp"

namespace practice_forge {

Record::Record(const std::filesystem::path& file, Dialect dialect) : dialect_(dialect) {
    if (file.empty()) return;
    file_.rdbuf()->pubsetbuf(nullptr, 0);  // a line is one write: several suites append at a time
    file_.open(file, std::ios::app);
    if (!file_) throw std::runtime_error("cannot write " + file.string());
}

std::string Record::kind(std::string_view what) const {
    const auto& customs = customs_of(dialect_);
    return (dialect_ == Dialect::github ? "" : std::string(customs.name) + "-") + std::string(what);
}

void Record::write(const json& line) {
    const auto text = line.dump(-1, ' ', false, json::error_handler_t::replace) + '\n';
    file_.write(text.data(), static_cast<std::streamsize>(text.size()));
}

void Record::add(Request request, bool api) {
    const std::scoped_lock lock(mutex_);
    if (file_.is_open()) {
        json headers = json::object();
        for (const auto& [name, value] : request.headers)
            headers[name] = name == "authorization" || name == "private-token" ? "***" : value;
        const json body = json::parse(request.body, nullptr, false);
        const json response = api ? json::parse(request.response, nullptr, false) : json();
        write({{"kind", api ? kind("api") : "git"},
               {"method", request.method},
               {"path", request.path},
               {"query", request.query},
               {"headers", headers},
               {"body", body.is_discarded() ? json(nullptr) : body},
               {"has_body", !request.body.empty()},
               {"status", request.status},
               {"response", response.is_discarded() ? json(nullptr) : response},
               {"fault", request.fault},
               {"actor", request.actor}});
    }
    requests_.push_back(std::move(request));
}

void Record::add(const Hooks::Sent& sent) {
    const std::scoped_lock lock(mutex_);
    if (!file_.is_open()) return;
    write({{"kind", kind("webhook")},
           {"event", sent.delivery.event},
           {"headers", sent.headers},
           {"payload", json::parse(sent.delivery.body)},
           {"status", sent.delivery.status_code}});
}

std::vector<Request> Record::requests() const {
    const std::scoped_lock lock(mutex_);
    return requests_;
}

void Record::forget() {
    const std::scoped_lock lock(mutex_);
    requests_.clear();
}

}  // namespace practice_forge
