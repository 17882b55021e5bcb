#include "tests/scenarios/model_plan.hpp"

#include <utility>

namespace scenarios {

namespace {

/// Perl without modules of its own: every Debian image has it.
constexpr std::string_view call_program = R"(use strict;
use IO::Socket::INET;
$| = 1;
$SIG{PIPE} = 'IGNORE';
my ($host, $path) = $ENV{SHOPFLOOR_MODEL_URL} =~ m{^http://([^/]+)(.*)$} or die 'no model service';
my $stream = (shift // '') eq 'stream' ? 'true' : 'false';
my $body = qq({"model":"$ENV{SHOPFLOOR_MODEL}","max_tokens":10,"stream":$stream,)
         . qq("messages":[{"role":"user","content":"go"}]});
my $line = IO::Socket::INET->new($host) or die "no door: $!";
print $line "POST $path/v1/messages HTTP/1.1\r\nHost: $host\r\nX-Api-Key: $ENV{SHOPFLOOR_MODEL_KEY}\r\n",
    "Content-Type: application/json\r\nContent-Length: ", length $body, "\r\nConnection: close\r\n\r\n$body";
my ($first, $last, $size) = ('', '', 0);
while (sysread $line, my $part, 65536) {
    $size += length $part;
    $first .= $part if length $first < 8192;
    $last = substr $last . $part, -5;
}
print substr($first, 0, 8192), "\n$size bytes came\n";
my ($head) = $first =~ /^(.*?\r\n\r\n)/s;
my ($told) = ($head // '') =~ /^content-length: *(\d+)/im;
my $whole = defined $told ? $size == length($head) + $told : $last eq "0\r\n\r\n";
exit(($head // '') =~ m{^HTTP/1\.1 2} && $whole ? 0 : 1);
)";

}  // namespace

Plan with_model(const practice_model::PracticeModel& model, const std::string& script,
                const std::string& backend, const std::vector<std::string>& keys) {
    return {
        .files = {{.path = "tests/run.sh", .content = "true\n"},
                  {.path = "call.pl", .content = std::string(call_program)}},
        .agents = {{"worker", script}},
        .backend = backend,
        .change = [url = model.url(), keys](config::Settings& settings) {
            config::ModelProvider lab{.name = "lab", .api = config::ModelApi::anthropic, .url = url};
            for (const auto& key : keys) lab.keys.emplace_back(key);
            lab.models = {{.name = "careful", .price = {.input = 1'000, .cached = 1'000, .output = 1'000}}};
            settings.models.providers.push_back(std::move(lab));
            settings.models.run.dollars = 1'000;
            settings.models.job.dollars = 1'000;
            settings.models.day.dollars = 10'000;
            settings.profiles.front().provider = "lab";
        }};
}

void answer_all(practice_model::PracticeModel& model, std::uint64_t input,
                const std::vector<std::string>& keys) {
    model.accept_keys({keys.begin(), keys.end()});
    practice_model::Script script{.costs =
                                      practice_model::Usage{.requests = 1, .input = input, .output = 10}};
    for (int i = 0; i < 40; ++i) script.steps.push_back(practice_model::say("well"));
    model.play(std::move(script));
}

}  // namespace scenarios
