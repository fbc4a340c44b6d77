# Values of a type that does not fit.

policy "types" {
  allow "condition" { when = user.email } # ERROR: Wrong type; A condition has to be true or false, but this is a text. Compare it with something, as in x == y.
  allow "condition of a list" { when = user.groups } # ERROR: Wrong type; A condition has to be true or false, but this is a list of texts. Compare it with something, as in x == y.
  allow "not" { when = !user.email } # ERROR: Wrong type; What ! turns around has to be true or false, but this is a text. Compare it with something, as in x == y.
  allow "and" { when = user.email && request.ip } # ERROR: Wrong type; The left side of && has to be true or false, but this is a text. Compare it with something, as in x == y. # ERROR: Wrong type; The right side of && has to be true or false, but this is an IP address. Compare it with something, as in x == y.
  allow "or" { when = authenticated || user.emial || session.age } # ERROR: Unknown name; There is no user.emial. Did you mean user.email? A claim is user.claims["emial"]. # ERROR: Wrong type; The right side of || has to be true or false, but this is a duration. Compare it with something, as in x == y.
  allow "equal" { when = user.email == 3 } # ERROR: Wrong type; The other side of the comparison has to be a text, but this is a number. Put it in quotes.
  allow "claim and time" { when = user.claims["exp"] > now } # ERROR: Wrong type; The other side of the comparison has to be a time, but this is a claim. A claim may be a text, a number, true or false, or a list of texts.
  allow "claim and duration" { when = user.claims["exp"] == session.age } # ERROR: Wrong type; The other side of the comparison has to be a duration, but this is a claim. A claim may be a text, a number, true or false, or a list of texts.
  allow "lists" { when = user.groups == ["a"] } # ERROR: Wrong type; Lists do not compare. Write has(list, item), has_any(list, items) or has_all(list, items).
  allow "less" { when = user.email < "b" } # ERROR: Wrong type; Only numbers, durations and times are less or more than one another, but this is a text.
  allow "less of nothing alike" { when = user.email < 3 } # ERROR: Wrong type; The other side of the comparison has to be a text, but this is a number. Put it in quotes.
  allow "age" { when = session.age < "1h" } # ERROR: Wrong type; The other side of the comparison has to be a duration, but this is a text. Write duration("1h30m").
  allow "time" { when = now > "2026-01-01" } # ERROR: Wrong type; The other side of the comparison has to be a time, but this is a text. Write date("2026-01-31", "UTC").
  allow "address" { when = request.ip == user.name } # ERROR: Wrong type; The other side of the comparison has to be an IP address, but this is a text. request.ip is one.
  allow "address that is none" { when = request.ip == "10.0.0" } # ERROR: Bad network; "10.0.0" is no address. One is written "10.0.0.1" or "2001:db8::1".
  allow "null" { when = user.email == null } # ERROR: No null here; A value that is missing is unknown, and cannot be compared. Write present(x) or !present(x).
  allow "headers" { when = present(request.headers) } # ERROR: Wrong type; What may be there is one of them. Name one: request.headers["Accept"].
  allow "headers as a text" { when = request.headers == "x" } # ERROR: Wrong type; The other side of the comparison has to be one value, but this is a group of named values. Name one: request.headers["Accept"].
  allow "query as a text" { when = "x" == request.query } # ERROR: Wrong type; The other side of the comparison has to be one value, but this is a group of named values. Name one: request.headers["Accept"].
  allow "query as a list" { when = has(request.query, "x") } # ERROR: Wrong type; List in has(list, item) has to be a list of texts, but this is a group of named values. Name one: request.headers["Accept"].
  allow "header by number" { when = request.headers[1] == "x" } # ERROR: Wrong type; The name in brackets has to be a text, but this is a number. Put it in quotes.
  allow "list by name" { when = user.groups["a"] == "x" } # ERROR: Wrong type; The place in a list has to be a number, but this is a text.
  allow "claim by truth" { when = user.claims[true] == "x" } # ERROR: Wrong type; The name of a claim's part has to be a text, but this is true or false. Put it in quotes.
  allow "wrong in brackets" { when = user.claims[user.emial] == "x" } # ERROR: Unknown name; There is no user.emial. Did you mean user.email? A claim is user.claims["emial"].
  allow "time and time" { when = now + now > now } # ERROR: Wrong type; A time and a time do not go together here.
  allow "time and number" { when = now + 3 > now } # ERROR: Wrong type; A time and a number do not go together here.
  allow "span and span" { when = session.age * session.age > session.age } # ERROR: Wrong type; A duration and a duration do not go together here.
  allow "span by span" { when = session.age % 2 > session.age } # ERROR: Wrong type; A duration and a number do not go together here.
  allow "time by span" { when = now * session.age > now } # ERROR: Wrong type; A time and a duration do not go together here.
  allow "texts" { when = user.name + user.email == "x" } # ERROR: Wrong type; A text and a text do not go together here. To put texts together write "${x}${y}".
  allow "number and text" { when = 1 + user.email == "x" } # ERROR: Wrong type; A number and a text do not go together here. To put texts together write "${x}${y}".
  allow "wrong operand" { when = user.emial + 1 == 2 } # ERROR: Unknown name; There is no user.emial. Did you mean user.email? A claim is user.claims["emial"].
  allow "minus" { when = -user.email == 2 } # ERROR: Wrong type; What stands after - has to be a number, but this is a text.
  allow "choice" { when = user.name ? true : false } # ERROR: Wrong type; What stands before ? has to be true or false, but this is a text. Compare it with something, as in x == y.
  allow "choices" { when = authenticated ? "a" : 3 } # ERROR: Wrong type; A result of ? : has to be a text, but this is a number. Put it in quotes.
  allow "argument" { when = startswith(user.groups, "x") } # ERROR: Wrong type; Text in startswith(text, prefix) has to be a text, but this is a list of texts. Write join(",", x) for all items, x[0] for the first, or has(x, "item").
  allow "argument of number" { when = startswith(length(user.groups), "x") } # ERROR: Wrong type; Text in startswith(text, prefix) has to be a text, but this is a number. Write "${x}".
  allow "list for text" { when = has(user.email, "x") } # ERROR: Wrong type; List in has(list, item) has to be a list of texts, but this is a text. Put it in brackets: ["x"].
  allow "text for list" { when = has_any(user.groups, "x") } # ERROR: Wrong type; Items in has_any(list, items) has to be a list of texts, but this is a text. Put it in brackets: ["x"].
  allow "span for text" { when = startswith(session.age, "x") } # ERROR: Wrong type; Text in startswith(text, prefix) has to be a text, but this is a duration.
  allow "arguments" { when = has(user.emial, user.nam) } # ERROR: Unknown name; There is no user.emial. Did you mean user.email? A claim is user.claims["emial"]. # ERROR: Unknown name; There is no user.nam. Did you mean user.name? A claim is user.claims["nam"].
  allow "item" { when = has(["a", 1], "x") } # ERROR: Wrong type; An item of a list has to be a text, but this is a number. Put it in quotes.
  allow "part of a text" { when = "a ${user.groups} ${session.age} ${user.emial}" == "x" } # ERROR: Wrong type; A part of a text has to be a text, a number, a time, an address, true or false, but this is a list of texts. Write join(",", x) for all items, x[0] for the first, or has(x, "item"). # ERROR: Wrong type; A part of a text has to be a text, a number, a time, an address, true or false, but this is a duration. # ERROR: Unknown name; There is no user.emial. Did you mean user.email? A claim is user.claims["emial"].
  allow "lines" { when = "%{ for g in user.email }x%{ endfor }" == "x" } # ERROR: Wrong type; What a for goes through has to be a list of texts, but this is a text. Put it in brackets: ["x"].
  allow "loop" { when = has([for g in user.email : g], "x") } # ERROR: Wrong type; What a for goes through has to be a list of texts, but this is a text. Put it in brackets: ["x"].
  allow "loop of numbers" { when = has([for g in user.groups : length(g)], "x") } # ERROR: Wrong type; An item of a list has to be a text, but this is a number. Write "${x}".
  allow "loop with a condition" { when = has([for g in user.groups : g if g], "x") } # ERROR: Wrong type; The condition of a for has to be true or false, but this is a text. Compare it with something, as in x == y.
  allow "coalesce" { when = coalesce(user.claims["x"], 3, "x") == 3 } # ERROR: Wrong type; A value of coalesce has to be a number, but this is a text.
  allow "text for number" { when = session.age * user.name > session.age } # ERROR: Wrong type; A duration and a text do not go together here. To put texts together write "${x}${y}".
  deny "message" {
    when    = authenticated
    message = ["a"] # ERROR: Wrong type; message has to be a text, but this is a list of texts. Write join(",", x) for all items, x[0] for the first, or has(x, "item").
  }
}
