#!/bin/bash
# What a person types, in a loop: create, start, wait, delete. Prints microseconds per container: to the monitor's end,
# and with the deletion. usage: urunc_loop.sh URUNC DIRECTORY TEMPLATE NAME COUNT
# A start that comes too early is lost (up to 0.6) or fails (from 0.7): as in the target, it is tried again.
set -eu
urunc=$1 place=$2 template=$3 name=$4 count=$5
root=$place/r

now_us() { us=${EPOCHREALTIME/[.,]/}; }

taken_over() { [ -e "/proc/$1/exe" ] && ! [ "/proc/$1/exe" -ef "$urunc" ]; }

begin() {
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        "$urunc" --root "$root" start "$2" || true
        for _ in {1..100}; do
            if taken_over "$1" || ! kill -0 "$1" 2>/dev/null; then return; fi
            sleep 0.001
        done
    done
}

for ((number = 1; number <= count; number++)); do
    id=$name-$number
    now_us; from=$us
    cp -al "$template" "$place/b/$id"
    "$urunc" --root "$root" create --bundle "$place/b/$id" "$id" </dev/null >"$place/out" 2>&1
    [[ $(<"$root/$id/state.json") =~ \"pid\":\ ?([0-9]+) ]]
    pid=${BASH_REMATCH[1]}
    begin "$pid" "$id"
    tail --pid="$pid" -s 0.002 -f /dev/null
    now_us; ended=$us
    "$urunc" --root "$root" delete "$id"
    rm -rf "${place:?}/b/$id"
    now_us
    echo $((ended - from)) $((us - from))
done
