#!/usr/bin/env bats
# users: alice bob root
# Health checks: the timer, the check by hand, what an unhealthy container suffers (issue 5).
load lib

setup_file() {
  rbox run --rm --network none busybox true
}

teardown() {
  teardown_containers
}

health() {
  [ "$(rbox inspect --format '{{.State.Health.Status}}' "$1")" = "$2" ]
}

# The processes of a container other than its first, by their command.
others_of() {
  rbox top "$1" args | grep -v -e '^COMMAND' -e 'sleep 1000' || true
}

@test "a check is made now and then, and inspect, ps, filters and events tell its result" {
  rbox run -d --network none --name web --health-cmd 'echo looking; test -e /ok' \
    --health-interval 200ms --health-retries 2 busybox sleep 1000
  rbox run -d --network none --name plain busybox sleep 1000
  until_true health web unhealthy
  [[ "$(rbox ps --format '{{.Names}} {{.Status}}')" == *"web Up "*"(unhealthy)"* ]]
  [ "$(rbox ps --filter health=unhealthy --format '{{.Names}}')" = web ]
  [ "$(rbox ps --filter health=none --format '{{.Names}}')" = plain ]
  rbox inspect web | grep -q 'looking'
  rbox exec web touch /ok
  until_true health web healthy
  [ "$(rbox inspect --format '{{.State.Health.FailingStreak}}' web)" = 0 ]
  [[ "$(rbox ps --format '{{.Status}}' --filter name=web)" == *"(healthy)" ]]
  rbox events --stream=false --filter event=health_status --format '{{.Name}} {{.Attributes.health_status}}' | tail -1 | grep -qx 'web healthy'
  # without a check nothing is told of it
  [ -z "$(rbox inspect --format '{{.State.Health.Status}}' plain)" ]
  ! rbox inspect plain | grep -q Healthcheck
}

@test "healthcheck run: 0, 1 and 125, and it counts" {
  rbox run -d --network none --name web --health-cmd 'test -e /ok' --health-interval disable \
    --health-retries 2 busybox sleep 1000
  rbox run -d --network none --name plain busybox sleep 1000
  health web starting
  run rbox healthcheck run web
  [ "$status" -eq 1 ]
  [ "$output" = starting ]
  run rbox healthcheck run web
  [ "$status" -eq 1 ]
  [ "$output" = unhealthy ]
  rbox exec web touch /ok
  run rbox healthcheck run web
  [ "$status" -eq 0 ]
  [ -z "$output" ]
  health web healthy
  run rbox healthcheck run plain
  [ "$status" -eq 125 ]
  [[ "$output" == *"has no health check"* ]]
  rbox stop -t 0 web
  run rbox healthcheck run web
  [ "$status" -eq 125 ]
  # it is kept, and begins anew with the next life
  health web healthy
  rbox start web
  health web starting
}

@test "the start period forgives, a command that is not there is told" {
  rbox run -d --network none --name slow --health-cmd false --health-interval 100ms \
    --health-start-period 1h --health-retries 1 busybox sleep 1000
  rbox run -d --network none --name wrong --health-cmd '["/no/such"]' --health-interval 100ms \
    --health-retries 1 busybox sleep 1000
  until_true health wrong unhealthy
  rbox inspect wrong | grep -q '/no/such'
  until_true eval '[ "$(rbox events --stream=false --filter container=slow --filter event=health_status | wc -l)" -gt 2 ]'
  health slow starting
}

@test "a check that hangs is ended at its time, with all it started" {
  rbox run -d --network none --name hang --health-cmd 'echo begun; sleep 777; true' --health-timeout 300ms \
    --health-interval 50ms --health-retries 2 busybox sleep 1000
  until_true health hang unhealthy
  rbox inspect hang | grep -q 'ended after its time, 300 ms'
  rbox inspect hang | grep -q begun
  # one check at most is there: what the others started is gone
  [ "$(rbox top hang args | grep -c 'sleep 777')" -le 2 ]
  # the container ends at once although one may be in the middle
  rbox stop -t 0 hang
}

@test "a check that was killed by hand keeps no container from ending" {
  rbox run -d --network none --name web --health-cmd 'sleep 777' --health-interval 50ms busybox sleep 1000
  checker() {
    pgrep -x -P "$(supervisor_of web)" rbox-check
  }
  until_true checker
  kill -KILL "$(checker)"
  timeout 20 "$RBOX_BUILD/rbox" stop -t 0 web
}

@test "an unhealthy container is killed, stopped or started again, as asked" {
  rbox run -d --network none --name killed --health-cmd false --health-interval 50ms --health-retries 1 \
    --health-on-failure kill busybox sleep 1000
  rbox run -d --network none --name stopped --restart always --health-cmd false --health-interval 50ms \
    --health-retries 1 --health-on-failure stop busybox sh -c 'trap "exit 7" TERM; while :; do sleep 0.1; done'
  rbox run -d --network none --name again --health-cmd false --health-interval 50ms --health-retries 1 \
    --health-on-failure restart busybox sleep 1000
  rbox run -d --network none --name left --health-cmd false --health-interval 50ms --health-retries 1 busybox sleep 1000
  [ "$(rbox wait killed)" -eq 137 ]
  [ "$(rbox wait stopped)" -eq 7 ]
  [ "$(rbox inspect --format '{{.State.Reason}}' killed stopped)" = "unhealthy
unhealthy" ]
  restarted() {
    [ "$(rbox inspect --format '{{.RestartCount}}' again)" -gt 1 ]
  }
  until_true restarted
  until_true health left unhealthy
  [ "$(rbox inspect --format '{{.State.Status}}' left)" = running ]
}

@test "the image's check is used, changed or left out" {
  make_busybox_layer
  printf '{"architecture":"amd64","os":"linux","config":{"Cmd":["/bin/sh"],"Env":["PATH=/bin"],"Healthcheck":{"Test":["CMD-SHELL","exit 0"],"Interval":100000000,"Retries":9}},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
    "$(sha256sum busybox.tar | cut -d' ' -f1)" >config.json
  printf '[{"Config":"config.json","RepoTags":["test/health:1"],"Layers":["busybox.tar"]}]' >manifest.json
  tar -cf archive.tar config.json manifest.json busybox.tar
  rbox load -qi archive.tar
  [ "$(rbox image inspect --format '{{.Config.Healthcheck.Retries}}' test/health:1)" = 9 ]
  rbox run -d --network none --name its --entrypoint /bin/busybox test/health:1 sleep 1000
  until_true health its healthy
  [ "$(rbox inspect --format '{{.Config.Healthcheck.Interval}}' its)" = 100000000 ]
  rbox run -d --network none --name mine --health-cmd false --health-retries 1 --entrypoint /bin/busybox test/health:1 sleep 1000
  until_true health mine unhealthy
  [ "$(rbox inspect --format '{{.Config.Healthcheck.Interval}}' mine)" = 30000000000 ]
  rbox run -d --network none --name none --no-healthcheck --entrypoint /bin/busybox test/health:1 sleep 1000
  [ "$(rbox ps --filter health=none --format '{{.Names}}')" = none ]
}

@test "values that make no sense are refused" {
  for wrong in "--health-interval 0" "--health-timeout 0s" "--health-retries 0" "--health-on-failure explode" \
    "--health-on-failure kill" "--health-cmd x --no-healthcheck" "--health-interval soon"; do
    # shellcheck disable=SC2086 # words
    run rbox run --rm --network none $wrong busybox true
    [ "$status" -eq 125 ]
    [[ "$output" == *health* ]]
  done
}
