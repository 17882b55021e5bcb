#include <signal.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <string>

#include "tests/practice_model/practice_model.hpp"
#include "tests/practice_model/script_file.hpp"

int main(int count, char** arguments) {
    int port = 0;
    std::string script;
    CLI::App line("A scripted model service on this machine, for practice and for tests.",
                  "shopfloor-practice-model");
    line.add_option("--port", port, "Port to listen on; 0 picks a free one")->check(CLI::Range(0, 65535));
    line.add_option("--script", script, "JSON file that says what the model does, step by step")
        ->required()
        ->check(CLI::ExistingFile);
    CLI11_PARSE(line, count, arguments);

    // Before any thread is there, so that only sigwait below sees them.
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ends, nullptr);
    try {
        practice_model::PracticeModel model(port);
        practice_model::play_file(model, script);
        std::cout << model.url() << std::endl;
        int signal = 0;
        sigwait(&ends, &signal);
        for (const auto& request : model.requests()) {
            std::cout << request.method << ' ' << request.path << ' ' << request.status << ' '
                      << request.model << (request.streamed ? " streamed" : " plain") << ", "
                      << (request.step ? "step " + std::to_string(*request.step) : "no step") << ", "
                      << request.request_bytes << " bytes in, " << request.answer_bytes << " out\n";
        }
        for (const auto& [key, usage] : model.usage()) {
            std::cout << "key '" << key << "': " << usage.requests << " requests, " << usage.input
                      << " input, " << usage.cached << " cached, " << usage.output << " output tokens\n";
        }
    } catch (const std::exception& error) {
        std::cerr << "shopfloor-practice-model: " << error.what() << '\n';
        return 1;
    }
    return 0;
}
