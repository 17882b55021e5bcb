# The daemon. Build it with `./dev image`, or `docker build -t shopfloor .`
FROM debian:bookworm-slim AS build
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends g++ cmake ninja-build pkg-config libcpp-httplib-dev nlohmann-json3-dev \
      libgit2-dev libsqlitecpp-dev libsqlite3-dev libcli11-dev libspdlog-dev libyaml-cpp-dev libpugixml-dev libssl-dev \
      libseccomp-dev libcmark-gfm-dev libcmark-gfm-extensions-dev zlib1g-dev libbrotli-dev liblz4-dev libsimdjson-dev
WORKDIR /src
COPY CMakeLists.txt ./
COPY config config
COPY sandbox sandbox
COPY integrations integrations
COPY bot bot
RUN cmake -S . -B /build -G Ninja -DCMAKE_BUILD_TYPE=Release -DSHOPFLOOR_TESTS=OFF \
 && cmake --build /build \
 && cmake --install /build --prefix /out --strip

FROM debian:bookworm-slim
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends ca-certificates libcpp-httplib0.11 libgit2-1.5 libsqlite3-0 \
      libfmt9 libspdlog1.10 libyaml-cpp0.7 libpugixml1v5 libssl3 libseccomp2 libcmark-gfm0.29.0.gfm.6 \
      libcmark-gfm-extensions0.29.0.gfm.6 liblz4-1 libsimdjson14 \
 && rm -rf /var/lib/apt/lists/* /usr/share/doc /usr/share/man \
 && useradd --system --uid 10001 --home-dir /var/lib/shopfloor --create-home shopfloor
COPY --from=build /out/bin/shopfloor /usr/bin/shopfloor
USER shopfloor
EXPOSE 8080
# The state folder must be the same path on the engine's machine: workspaces are shown to sandboxes from there.
VOLUME /var/lib/shopfloor
# What sandboxes are shown besides workspaces is written below it, for the same reason.
ENV XDG_RUNTIME_DIR=/var/lib/shopfloor
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["shopfloor", "healthy", "--config", "/etc/shopfloor/shopfloor.yaml"]
ENTRYPOINT ["shopfloor"]
CMD ["serve", "--config", "/etc/shopfloor/shopfloor.yaml"]
