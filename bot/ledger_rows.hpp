#pragma once

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bot/job.hpp"

// Values into statements and jobs out of rows; for the files of the ledger only.
namespace bot {

[[nodiscard]] std::int64_t to_ms(Time time);
[[nodiscard]] Time from_ms(std::int64_t ms);
inline void bind(SQLite::Statement& statement, int index, const std::string& value) {
    statement.bind(index, value);
}
inline void bind(SQLite::Statement& statement, int index, std::string_view value) {
    statement.bind(index, std::string(value));
}
inline void bind(SQLite::Statement& statement, int index, const char* value) { statement.bind(index, value); }
inline void bind(SQLite::Statement& statement, int index, double value) { statement.bind(index, value); }
inline void bind(SQLite::Statement& statement, int index, std::integral auto value) {
    statement.bind(index, static_cast<std::int64_t>(value));
}
template <typename T>
void bind(SQLite::Statement& statement, int index, const std::optional<T>& value) {
    if (value)
        bind(statement, index, *value);
    else
        statement.bind(index);
}

/// Prepared with its parameters ?1, ?2, …
template <typename... Values>
[[nodiscard]] SQLite::Statement prepare(SQLite::Database& database, const std::string& sql,
                                        const Values&... values) {
    SQLite::Statement statement(database, sql);
    int index = 0;
    (bind(statement, ++index, values), ...);
    return statement;
}

/// What is kept by issue is found by the number of one alone: that of a pull request binds as NULL, which
/// equals nothing.
[[nodiscard]] std::optional<std::int64_t> issue_number(const integrations::ThreadRef& thread);
/// `thread_kind` of a row.
[[nodiscard]] std::string_view name(integrations::ThreadRef::Kind kind);
[[nodiscard]] integrations::ThreadRef::Kind thread_kind(std::string_view text);

/// Returns the number of rows changed.
template <typename... Values>
int execute(SQLite::Database& database, const std::string& sql, const Values&... values) {
    return prepare(database, sql, values...).exec();
}

/// The columns of a job in the order `read_job` takes them.
extern const std::string job_columns;
[[nodiscard]] Job read_job(SQLite::Statement& row);
/// `state IN (…)`: of jobs that are not over.
extern const std::string active_sql;
/// `rest`: what follows `FROM jobs`.
template <typename... Values>
[[nodiscard]] std::vector<Job> read_jobs(SQLite::Database& database, const std::string& rest,
                                         const Values&... values) {
    auto row = prepare(database, "SELECT " + job_columns + " FROM jobs " + rest, values...);
    std::vector<Job> jobs;
    while (row.executeStep()) jobs.push_back(read_job(row));
    return jobs;
}
template <typename... Values>
[[nodiscard]] std::optional<Job> read_first(SQLite::Database& database, const std::string& rest,
                                            const Values&... values) {
    auto jobs = read_jobs(database, rest + " LIMIT 1", values...);
    if (jobs.empty()) return std::nullopt;
    return std::move(jobs.front());
}
[[nodiscard]] std::vector<Job> tries_of(SQLite::Database& database, JobId contest);
[[nodiscard]] std::optional<Job> find_job(SQLite::Database& database, JobId id);
[[nodiscard]] std::optional<Job> find_active_job(SQLite::Database& database,
                                                 const integrations::ThreadRef& issue);

}  // namespace bot
