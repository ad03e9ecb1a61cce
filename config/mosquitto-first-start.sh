#!/bin/sh
# Starts the broker of docker/compose.yaml; the first time it makes the passwords, of which there is no default.
#
# login/USER in the broker's folder holds the password of each user in plain text: for uSense its own, for the broker's
# owner the others. What mosquitto reads is made of them at each start: delete one and restart for another password,
# write one for another user. Whatever happens half-way, the next start finishes.
set -eu
umask 077
config=${CONFIG:-/mosquitto/config}
data=${DATA:-/mosquitto/data}
login=$data/login
instance=${USENSE_INSTANCE:-pi}

case $instance in
*[!a-z0-9_-]* | '')
    echo "USENSE_INSTANCE is '$instance': it must be of a-z, 0-9, _ and -" >&2
    exit 2
    ;;
esac

# put FILE MODE: standard input into a file, whole or not at all.
put() {
    cat >"$1.new"
    chmod "$2" "$1.new"
    mv "$1.new" "$1"
}

# 24 of 62 signs: 142 bits.
random() {
    signs=$(head -c 512 /dev/urandom | LC_ALL=C tr -dc A-Za-z0-9 | head -c 24)
    if [ ${#signs} != 24 ]; then
        echo "there are no random numbers" >&2
        exit 1
    fi
    echo "$signs"
}

mkdir -p "$login"
# uSense, which has the broker's group, must get through to its own password.
chmod 710 "$login"

made=
for user in usense house reader; do
    # Not "is there": after a power cut a file may be there and empty.
    [ ! -s "$login/$user" ] || continue
    mode=600
    [ $user != usense ] || mode=640
    password=$(random)
    echo "$password" | put "$login/$user" $mode
    made="$made $user"
done

# With what mosquitto_passwd left of it when it was killed.
rm -f "$data/passwords.new"*
for file in "$login"/*; do
    user=${file##*/}
    case $user in *.new) continue ;; esac
    password=$(cat "$file")
    case $password in
    '' | *:* | *[!\ -~]* | ' '* | *' ')
        echo "the password in $file must be one line of plain signs, without ':' and without spaces around it" >&2
        exit 2
        ;;
    esac
    printf '%s:%s\n' "$user" "$password" >>"$data/passwords.new"
done
# Hashes them in place. Not in the newest way, which fails in some of mosquitto's own images; these are random enough.
mosquitto_passwd -H sha512-pbkdf2 -U "$data/passwords.new"
mv "$data/passwords.new" "$data/passwords"

sed "s/usense_pi/usense_$instance/" "$config/mosquitto.acl" | put "$data/acl" 600

if [ -n "$made" ]; then
    sync
    echo "made passwords for:$made"
    echo "the one for Home Assistant and others: docker compose exec mosquitto cat $login/house"
fi

exec mosquitto -c "$config/mosquitto.conf"
