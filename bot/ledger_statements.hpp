#pragma once

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <map>
#include <string>

namespace bot {

/// Statements of one connection that are prepared once, for verbs that a program waits for. Used by whoever
/// holds the connection.
class LedgerStatements {
 public:
    explicit LedgerStatements(SQLite::Database& database) : database_(database) {}

    /// A statement in use: reset when it goes, or it would keep its transaction open.
    class Use {
     public:
        explicit Use(SQLite::Statement& statement) : statement_(statement) {}
        ~Use() { statement_.tryReset(); }
        Use(const Use&) = delete;
        Use& operator=(const Use&) = delete;
        [[nodiscard]] SQLite::Statement& operator*() const { return statement_; }

     private:
        SQLite::Statement& statement_;
    };
    /// To be taken into use; not the same text twice at one time.
    [[nodiscard]] SQLite::Statement& of(const std::string& sql) {
        return known_.try_emplace(sql, database_, sql).first->second;
    }

 private:
    SQLite::Database& database_;
    std::map<std::string, SQLite::Statement> known_;
};

}  // namespace bot
