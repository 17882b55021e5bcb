# The image that coding agents run in: Debian with git, python3, ripgrep, Node.js and npm, and the agents asked for.
# Build it with `./dev agents-image [TAG] [AGENT...]`, or
# `docker build -t shopfloor-agents -f sandbox/images/agent.Dockerfile sandbox/images`.
FROM debian:bookworm-slim AS programs
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends ca-certificates nodejs npm
# Beside the script there may be `npmrc` and `npm-ca.crt`: how this machine reaches its registry. They stay in this stage.
COPY install-agents npmrc* npm-ca.crt* /build/
ARG NODE_VERSION=22 NPM_VERSION=10
RUN NODE_EXTRA_CA_CERTS=/build/npm-ca.crt NPM_CONFIG_USERCONFIG=/build/npmrc /build/install-agents /out
ARG AGENTS="claude codex opencode pi gemini amp"
ARG CLAUDE_VERSION=2.1.197 CODEX_VERSION=0.169.0 OPENCODE_VERSION=1.18.33 PI_VERSION=0.73.1 GEMINI_VERSION=0.61.0
ARG AMP_VERSION=0.0.1790142911-g7618fb
RUN NODE_EXTRA_CA_CERTS=/build/npm-ca.crt NPM_CONFIG_USERCONFIG=/build/npmrc /build/install-agents /out $AGENTS

FROM debian:bookworm-slim
# More Debian packages, for what the repositories of these agents are built with.
ARG PACKAGES=""
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends ca-certificates git python3 ripgrep $PACKAGES \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/cache/debconf/*-old /var/log/* /usr/share/doc /usr/share/man
COPY --from=programs /out /usr/local
# No user and no entry point: a sandbox brings its own.
CMD ["bash"]
