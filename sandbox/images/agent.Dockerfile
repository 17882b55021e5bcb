# The image that coding agents run in: Debian with git, python3, ripgrep, Node.js and npm, and the agents asked for.
# Build it with `./dev agents-image [TAG] [AGENT...]`, or
# `docker build -t shopfloor-agents -f sandbox/images/agent.Dockerfile sandbox/images`.
FROM debian:bookworm-slim AS programs
LABEL shopfloor.stage=agent-programs
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends ca-certificates nodejs npm >/dev/null
# `npmrc` and `npm-ca.crt` may be there: how this machine reaches its registry. They stay in this stage.
COPY install-agents npmrc* npm-ca.crt* /build/
ENV NPM_CONFIG_USERCONFIG=/build/npmrc NODE_EXTRA_CA_CERTS=/build/npm-ca.crt
ARG NODE_VERSION NPM_VERSION
RUN /build/install-agents /out
# Versions other than those in install-agents.
ARG CLAUDE_VERSION CODEX_VERSION OPENCODE_VERSION PI_VERSION GEMINI_VERSION AMP_VERSION
ARG AGENTS="claude codex opencode pi gemini amp"
RUN /build/install-agents /out $AGENTS

FROM debian:bookworm-slim
# More Debian packages: what the repositories are built with.
ARG PACKAGES=""
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends ca-certificates git python3 ripgrep $PACKAGES >/dev/null \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/cache/debconf/*-old /var/log/* /usr/share/doc /usr/share/man
COPY --from=programs /out /usr/local
# No user and no entry point: a sandbox brings its own.
CMD ["bash"]
