# Calls with arguments that do not fit.

policy "calls" {
  allow "none" { when = in_group() } # ERROR: Wrong number of arguments; It is in_group(group, ...), as in in_group("sre").
  allow "few" { when = in_cidr(request.ip) } # ERROR: Wrong number of arguments; It is in_cidr(address, networks, ...), as in in_cidr(request.ip, ["10.0.0.0/8", "2001:db8::/32"]).
  allow "many" { when = startswith("a", "b", user.emial) } # ERROR: Wrong number of arguments; It is startswith(text, prefix), as in startswith(request.path, "/docs/"). # ERROR: Unknown name; There is no user.emial. Did you mean user.email? A claim is user.claims["emial"].
  allow "list" { when = in_group(["a", "b"]) } # ERROR: Wrong type; Group in in_group(group, ...) has to be a text, but this is a list of texts. Write one after the other: in_group("a", "b").
  allow "spread" { when = in_group(["a", "b"]...) } # ERROR: Not part of the language; A list is not spread over arguments in policies. in_group is written in_group("sre").
  allow "network" { when = in_cidr(request.ip, "10.0.0.0/33") } # ERROR: Bad network; "10.0.0.0/33" is no network. One is written "10.0.0.0/8" or "2001:db8::/32".
  allow "networks" { when = in_cidr(request.ip, ["office", "10.0.0.1/8", "::ffff:10.0.0.0/104"]) } # ERROR: Bad network; "office" is no network. One is written "10.0.0.0/8" or "2001:db8::/32". # ERROR: Bad network; "10.0.0.1/8" has bits set behind its length. Write "10.0.0.0/8" for the network, or leave the length out for the address. # ERROR: Bad network; "::ffff:10.0.0.0/104" is an IPv4 network written as IPv6, which contains no address here. Write it as IPv4.
  allow "no network" { when = in_cidr(request.ip, []) } # ERROR: Bad network; No address is in none. Write "10.0.0.0/8", or what you mean.
  allow "network of a request" { when = in_cidr(request.ip, user.claims["network"]) } # ERROR: Not a constant; Networks in in_cidr(address, networks, ...) is read once, when the policy is loaded, and cannot depend on a request. Example: in_cidr(request.ip, ["10.0.0.0/8", "2001:db8::/32"]).
  allow "networks of a request" { when = in_cidr(request.ip, user.groups) } # ERROR: Not a constant; Networks in in_cidr(address, networks, ...) is read once, when the policy is loaded, and cannot depend on a request. Example: in_cidr(request.ip, ["10.0.0.0/8", "2001:db8::/32"]).
  allow "expression" { when = matches(request.path, "(") } # ERROR: Bad regular expression; Error parsing regexp: missing closing ): `(`. The syntax is RE2's; a backslash is written twice in a quoted text.
  allow "expression of a request" { when = matches(request.path, user.name) } # ERROR: Not a constant; Expression in matches(text, expression) is read once, when the policy is loaded, and cannot depend on a request. Example: matches(request.path, "^/v[0-9]+/").
  allow "pattern" { when = glob(request.path, "/[a-z]", "/{a,b}", "\\") } # ERROR: Bad pattern; [ stands for nothing in a pattern; for the character itself write \\[. # ERROR: Bad pattern; { stands for nothing in a pattern; for the character itself write \\{. # ERROR: Bad pattern; A backslash takes the next character literally, and there is none.
  allow "pattern of a request" { when = glob(request.path, "/users/${user.name}/**") } # ERROR: Not a constant; Pattern in glob(text, pattern, ...) is read once, when the policy is loaded, and cannot depend on a request. Example: glob(request.path, "/teams/*/docs/**").
  allow "duration" { when = session.age < duration("1 hour") } # ERROR: Bad duration; A duration is written with its units, of h, m, s and ms: "1h30m". A day is "24h".
  allow "date" { when = now < date("01/31/2026", "UTC") } # ERROR: Bad date; A date is written "2026-01-31", "2026-01-31T18:00" or "2026-01-31T18:00:00".
  allow "date without a zone" { when = now < date("2026-01-31") } # ERROR: Wrong number of arguments; It is date(text, zone), as in now < date("2030-12-31T18:00", "Europe/Berlin").
  allow "zone" { when = now < date("2026-01-31", "Berlin") } # ERROR: Bad time zone; A time zone is "UTC", or a name of the IANA database: "Europe/Berlin".
  allow "zone of a node" { when = now < date("2026-01-31", "Local") } # ERROR: Bad time zone; A time zone is "UTC", or a name of the IANA database: "Europe/Berlin".
  allow "no zone" { when = weekday("mon", "") } # ERROR: Bad time zone; A time zone is "UTC", or a name of the IANA database: "Europe/Berlin".
  allow "time of day" { when = time_of_day("9am", "25:00", "Mars/Olympus") } # ERROR: Bad time of day; A time of day is written from "00:00" to "23:59". # ERROR: Bad time of day; A time of day is written from "00:00" to "23:59". # ERROR: Bad time zone; A time zone is "UTC", or a name of the IANA database: "Europe/Berlin".
  allow "no time" { when = time_of_day("09:00", "09:00", "UTC") } # ERROR: Bad time of day; This is when it begins. Leave time_of_day out for the whole day.
  allow "days" { when = weekday("mon-fry", "UTC") } # ERROR: Bad day of the week; Days are sun, mon, tue, wed, thu, fri and sat, as in "mon-fri, sun".
  allow "separator" { when = has(split("", user.name), "a") } # ERROR: Bad pattern; A separator is at least one character.
  allow "separator of a request" { when = has(split(user.id, user.name), "a") } # ERROR: Not a constant; Separator in split(separator, text) is read once, when the policy is loaded, and cannot depend on a request. Example: has(split(" ", "openid email"), "email").
  allow "env" { when = user.name == env("HOME") } # ERROR: Error in function call; Call to function "env" failed: it is not set.
  allow "env of a request" { when = user.name == env(user.name) } # ERROR: Not a constant; env is called once, when the configuration is loaded; it can be given texts, numbers and lists written there, and nothing of a request.
  allow "env without a name" { when = user.name == env() } # ERROR: Not enough function arguments; Function "env" expects 1 argument(s). Missing value for "name".
  allow "env with a mistake" { when = user.name == env(user.emial) } # ERROR: Unknown name; There is no user.emial. Did you mean user.email? A claim is user.claims["emial"].
  allow "env of a time" { when = user.name == env(duration("1h")) } # ERROR: Not a constant; env is called once, when the configuration is loaded; it can be given texts, numbers and lists written there, and nothing of a request.
  allow "nothing" { when = user.name == nothing() } # ERROR: No value; This gives nothing. A policy needs a value here.
  allow "nothing of JSON" { when = user.name == handle() } # ERROR: No value; This gives nothing. A policy needs a value here.
  allow "claims that are no numbers" { when = jsondecode("{}") < jsondecode("{}") } # ERROR: No value; This has no value, whatever the request. Check the index, the divisor, or what the text holds. # ERROR: No value; This has no value, whatever the request. Check the index, the divisor, or what the text holds.
  allow "presence" { when = present(user.emial) } # ERROR: Unknown name; There is no user.emial. Did you mean user.email? A claim is user.claims["emial"].
  allow "division" { when = 1 / 0 > 1 } # ERROR: No value; This has no value, whatever the request. Check the index, the divisor, or what the text holds.
  allow "place" { when = ["a", "b"][2] == user.name } # ERROR: No value; This has no value, whatever the request. Check the index, the divisor, or what the text holds.
  allow "no domain" { when = email_domain("example.com") == user.email_domain } # ERROR: No value; This has no value, whatever the request. Check the index, the divisor, or what the text holds.
}
