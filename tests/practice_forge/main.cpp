#include <CLI/CLI.hpp>
#include <csignal>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/practice_forge/practice_forge.hpp"

namespace {

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot read " + path);
    std::string text((std::istreambuf_iterator<char>(file)), {});
    while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
    return text;
}

}  // namespace

int main(int count, char** arguments) {
    practice_forge::Options options;
    std::string dialect = "github", directory, record, hook_url, hook_secret_file, public_key_file;
    std::vector<std::string> token_files;
    practice_forge::AppSettings app;

    CLI::App line("A small working forge on this machine, for practice and for tests.",
                  "shopfloor-practice-forge");
    line.add_option("--dialect", dialect, "What it speaks")
        ->check(CLI::IsMember(practice_forge::dialect_names()))
        ->capture_default_str();
    line.add_option("--port", options.port, "Port to listen on; 0 picks a free one")
        ->check(CLI::Range(0, 65535));
    line.add_option("--directory", directory, "Folder for the git repositories; without it a temporary one");
    line.add_option("--record", record,
                    "Append every API request and webhook to this file, a JSON object a line");
    line.add_option("--hook-url", hook_url, "Where webhooks go");
    line.add_option("--hook-secret-file", hook_secret_file, "File with the webhook secret")
        ->check(CLI::ExistingFile);
    line.add_option("--token-file", token_files,
                    "LOGIN=FILE: the file holds a token that acts as LOGIN; may be repeated");
    line.add_option("--app-id", app.id, "Id of the one GitHub App");
    line.add_option("--app-slug", app.slug,
                    "Its name; it acts as NAME[bot], where there are no Apps as NAME");
    line.add_option("--app-public-key-file", public_key_file, "PEM file to check the app's tokens with")
        ->check(CLI::ExistingFile);
    line.set_version_flag("--version", "shopfloor-practice-forge 0.1.0");
    CLI11_PARSE(line, count, arguments);

    // Before any thread is there, so that only sigwait below sees them.
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ends, nullptr);
    try {
        options.dialect = practice_forge::dialect_named(dialect);
        options.directory = directory;
        options.record_file = record;
        practice_forge::PracticeForge forge(options);
        if (!public_key_file.empty()) app.public_key = read_file(public_key_file) + "\n";
        forge.set_app(app);
        for (const auto& entry : token_files) {
            const auto equals = entry.find('=');
            if (equals == std::string::npos)
                throw std::runtime_error("--token-file wants LOGIN=FILE, not " + entry);
            forge.add_token(entry.substr(0, equals), read_file(entry.substr(equals + 1)));
        }
        if (!hook_url.empty()) {
            forge.set_hook(
                {.url = hook_url, .secret = hook_secret_file.empty() ? "" : read_file(hook_secret_file)});
        }
        std::cout << forge.url() << std::endl;
        int signal = 0;
        sigwait(&ends, &signal);
    } catch (const std::exception& error) {
        std::cerr << "shopfloor-practice-forge: " << error.what() << '\n';
        return 1;
    }
    return 0;
}
