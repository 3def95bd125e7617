# The image to copy sexton from:
#
#   docker build -t sexton .
#
# and in another Dockerfile:
#
#   COPY --from=sexton /sexton /sexton
#
# Any image with Rust and a C compiler can build it; on Alpine the binary is linked with musl, smaller and quicker.
ARG BUILDER=rust:1-alpine

FROM ${BUILDER} AS build
# The official Rust images have a C compiler; a bare Alpine gets one.
RUN command -v cc >/dev/null || apk add --no-cache gcc musl-dev
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin sexton && \
    mkdir -p /out/licenses && cp target/*-linux-*/release/sexton /out && \
    cp LICENSE LICENSE-APACHE LICENSE-MIT release/THIRD-PARTY-LICENSES /out/licenses

FROM scratch
COPY --from=build /out /
ENTRYPOINT ["/sexton"]
