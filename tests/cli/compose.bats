#!/usr/bin/env bats
# users: alice bob
# podman-compose drives rbox (issue 8): a database and a web page that reads from it; one program with a window.
load lib

setup() {
  common_setup
  command -v podman-compose >/dev/null || skip "podman-compose is not installed"
  # Later ones than Debian 12's make a pod unless they are told not to.
  pods=()
  ! podman-compose --help | grep -q -- --in-pod || pods=(--in-pod 0)
  port=$((29000 + $(id -u) % 500))
  mkdir -p shop/www/cgi-bin
  cd shop || return 1
}

teardown() {
  [ -z "${display:-}" ] || kill "$display" 2>/dev/null || true
  rbox rm -af >/dev/null
  rbox volume prune -f >/dev/null
  rbox network prune -f >/dev/null
  common_teardown
}

compose() {
  podman-compose --podman-path "$RBOX_BUILD/rbox" "${pods[@]}" "$@" 3>&-
}

# An image of the machine's redis-server and what it is linked with.
make_redis_image() {
  local lib
  mkdir -p root/usr/bin root/data
  cp -L "$(command -v redis-server)" root/usr/bin/redis-server
  for lib in $(ldd root/usr/bin/redis-server | grep -o '/[^ ]*'); do
    mkdir -p "root${lib%/*}"
    cp -L "$lib" "root$lib"
  done
  tar -C root --owner=0 --group=0 -cf redis.tar .
  rm -rf root
  rbox import redis.tar localhost/redis:1 >/dev/null
}

get() {
  curl -s --max-time 5 "http://127.0.0.1:$port/cgi-bin/count"
}

is_healthy() {
  [ "$(rbox inspect -f '{{.State.Health.Status}}' "$1")" = healthy ]
}

two_services() {
  cat >docker-compose.yml <<END
version: "3"
services:
  db:
    image: localhost/redis:1
    command: ["redis-server", "--bind", "0.0.0.0", "--dir", "/data", "--protected-mode", "no", "--appendonly", "yes"]
    volumes:
      - data:/data
  web:
    image: busybox
    depends_on: [db]
    ports: ["127.0.0.1:$port:80"]
    environment:
      TITLE: visits
    volumes:
      - ./www:/www:ro
    command: ["httpd", "-f", "-p", "80", "-h", "/www"]
    networks: [front, back]
    logging: {driver: json-file, options: {max-size: 1m, max-file: "3"}}
    healthcheck: {test: ["CMD", "true"], interval: 1s, timeout: 20s, retries: 3, start_period: 1s}
volumes:
  data:
networks:
  front:
  back:
    internal: true
END
  # The database is in the internal network alone.
  sed -i 's|^      - data:/data|&\n    networks: [back]|' docker-compose.yml
  # shellcheck disable=SC2016 # for the page's own shell
  printf '%s\n' '#!/bin/sh' 'printf "Content-Type: text/plain\r\n\r\n"' \
    'echo "$TITLE $(printf "INCR visits\r\nQUIT\r\n" | nc db 6379 | head -1 | tr -d "\r")"' >www/cgi-bin/count
  chmod 755 www/cgi-bin/count
}

@test "up, ps, logs, exec, run, restart and down of a database and a page that reads from it (#8)" {
  command -v redis-server >/dev/null || skip "redis-server is not installed"
  make_redis_image
  two_services
  compose up -d
  until_true sh -c "curl -s --max-time 5 http://127.0.0.1:$port/cgi-bin/count | grep 'visits :'"
  run get
  [[ "$output" == "visits :"[2-9] ]]
  count=${output#visits :}
  until_true is_healthy shop_web_1
  run compose ps
  [[ "$output" == *"Up "*"127.0.0.1:$port->80/tcp"*shop_web_1* ]]
  [[ "$output" == *shop_db_1* ]]
  run compose logs db
  [[ "$output" == *"Ready to accept connections"* ]]
  run compose exec -T web cat /etc/hosts
  [[ "$output" == *shop_web_1* ]]
  # shellcheck disable=SC2016 # for the shell inside
  run compose run -T --rm web sh -c 'printf "GET visits\r\nQUIT\r\n" | nc db 6379' </dev/null
  [[ "$output" == *"$count"* ]]
  # What is in the volume outlives the containers.
  compose down
  [ -z "$(rbox ps -aq)" ]
  compose up -d
  until_true sh -c "curl -s --max-time 5 http://127.0.0.1:$port/cgi-bin/count | grep 'visits :$((count + 1))'"
  run rbox inspect -f '{{json .NetworkSettings.Networks}}' shop_db_1
  [[ "$output" == *shop_back* ]]
  [[ "$output" != *shop_front* ]]
  [ "$(rbox network ls -q --filter label=io.podman.compose.project=shop | tr '\n' ' ')" = "shop_back shop_front " ]
  compose down -v
  [ -z "$(rbox volume ls -q)" ]
}

@test "up in the foreground shows what all write, and ends with them (#8)" {
  cat >docker-compose.yml <<'END'
version: "3"
services:
  one:
    image: busybox
    command: ["echo", "it is one"]
  two:
    image: busybox
    command: ["sh", "-c", "nslookup -type=a one | grep -c Address; echo it is two"]
END
  run compose up
  [[ "$output" == *"it is one"* ]]
  [[ "$output" == *"it is two"* ]]
  compose down
  [ -z "$(rbox ps -aq)" ]
}

@test "a program with a window, a device, a volume and variables is one service (#8)" {
  local number=$((950 + $$ % 40)) colours=0
  [ -n "${RBOX_TEST_ROOTS:-}" ] || skip "tests/tools/make-images was not run"
  command -v Xvfb >/dev/null || skip "no Xvfb on this machine"
  rbox import "$RBOX_TEST_ROOTS/debian.tar" debian >/dev/null
  Xvfb ":$number" -screen 0 320x320x24 -nolisten tcp -noreset >xvfb 2>&1 3>&- &
  display=$!
  until_true xwd -root -silent -display ":$number" -out shot.xwd # the socket is there before it listens
  cat >docker-compose.yml <<END
version: "3"
services:
  clock:
    image: debian
    command: ["sh", "-c", "head -c 3 /dev/nothing | od -An -tx1 >/out/device; exec xclock -analog -geometry 300x300"]
    environment:
      - DISPLAY=:$number
    devices:
      - /dev/zero:/dev/nothing
    volumes:
      - /tmp/.X11-unix:/tmp/.X11-unix
      - ./www:/out
    shm_size: 64m
    stop_signal: SIGKILL
END
  compose up -d
  for _ in $(seq 100); do
    xwd -root -silent -display ":$number" -out shot.xwd
    colours=$(convert xwd:shot.xwd -format %k info:)
    [ "$colours" -le 1 ] || break
    sleep 0.1
  done
  [ "$colours" -gt 1 ]
  [ "$(cat www/device)" = " 00 00 00" ]
  compose down
}

@test "pods are refused by name (#8)" {
  run rbox pod create --name x
  [ "$status" -eq 125 ]
  [ "${lines[0]}" = "rbox: rbox has no pods" ]
}
