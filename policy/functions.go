package policy

// Parameters that several functions have.
func textParam(name string) param { return param{name: name, kinds: []kind{text}} }
func listParam(name string) param { return param{name: name, kinds: []kind{list}} }
func constantText(name string) param {
	return param{name: name, kinds: []kind{text}, constant: true}
}

// builtins is the table of all functions.
func builtins() []builtin {
	return []builtin{
		// of groups and lists
		{"in_group", []param{textParam("group")}, true,
			"Whether the user is in one of the groups.", `in_group("sre")`, (*checker).inGroup},
		{"has", []param{{name: "list", kinds: []kind{list, dynamic}}, textParam("item")}, false,
			"Whether the item is in the list; or, of a claim that is an object, one of its names.", `has(session.amr, "mfa")`, (*checker).has},
		{"has_any", []param{listParam("list"), listParam("items")}, false,
			"Whether at least one of the items is in the list.", `has_any(user.groups, ["sre", "admins"])`, (*checker).hasAny},
		{"has_all", []param{listParam("list"), listParam("items")}, false,
			"Whether all of the items are in the list.", `has_all(session.amr, ["mfa", "hwk"])`, (*checker).hasAll},
		{"length", []param{{name: "value", kinds: []kind{list, text, dynamic}}}, false,
			"The number of items of a list, or of characters of a text.", `length(user.groups) > 0`, (*checker).length},
		{"split", []param{constantText("separator"), textParam("text")}, false,
			"The list of what stands between the separators.", `has(split(" ", "openid email"), "email")`, (*checker).split},
		{"join", []param{textParam("separator"), listParam("list")}, false,
			"The items as one text, with the separator between them.", `join(",", user.groups)`, (*checker).join},

		// of texts
		{"lower", []param{textParam("text")}, false,
			"The text in lower case.", `lower(user.email) == "a@example.com"`, (*checker).lower},
		{"upper", []param{textParam("text")}, false,
			"The text in upper case.", `upper(user.id) == "U1"`, (*checker).upper},
		{"startswith", []param{textParam("text"), textParam("prefix")}, false,
			"Whether the text begins with the prefix.", `startswith(request.path, "/docs/")`, (*checker).startsWith},
		{"endswith", []param{textParam("text"), textParam("suffix")}, false,
			"Whether the text ends with the suffix.", `endswith(request.host, ".example.com")`, (*checker).endsWith},
		{"contains", []param{textParam("text"), textParam("part")}, false,
			"Whether the part is somewhere in the text. For an item of a list there is has.", `contains(request.user_agent, "Firefox")`, (*checker).contains},
		{"glob", []param{textParam("text"), constantText("pattern")}, true,
			"Whether the whole text is like one of the patterns: * is anything but a slash, ** is anything, ? is one character but a slash, a backslash takes the next one literally.", `glob(request.path, "/teams/*/docs/**")`, (*checker).glob},
		{"matches", []param{textParam("text"), constantText("expression")}, false,
			"Whether the regular expression (RE2) is found in the text; ^ and $ bind it to its ends.", `matches(request.path, "^/v[0-9]+/")`, (*checker).matches},
		{"email_domain", []param{textParam("address")}, false,
			"What follows the last @ of an email address, in lower case.", `email_domain(user.email) == "example.com"`, (*checker).emailDomain},

		// of networks
		{"in_cidr", []param{{name: "address", kinds: []kind{address}}, {name: "networks", kinds: []kind{list, text}, constant: true}}, true,
			"Whether the address is in one of the networks.", `in_cidr(request.ip, ["10.0.0.0/8", "2001:db8::/32"])`, (*checker).inCIDR},

		// of time
		{"duration", []param{constantText("text")}, false,
			"A length of time, of h, m, s and ms.", `session.age < duration("1h30m")`, (*checker).duration},
		{"date", []param{constantText("text"), constantText("zone")}, false,
			"A day's first instant, or a time of it, in a time zone.", `now < date("2030-12-31T18:00", "Europe/Berlin")`, (*checker).date},
		{"time_of_day", []param{constantText("from"), constantText("until"), constantText("zone")}, false,
			"Whether it is the time of day from one until before another, maybe past midnight, in a time zone.", `time_of_day("22:00", "06:00", "Europe/Berlin")`, (*checker).timeOfDay},
		{"weekday", []param{constantText("days"), constantText("zone")}, false,
			"Whether it is one of the days of the week, in a time zone.", `weekday("mon-fri, sun", "Europe/Berlin")`, (*checker).weekday},

		// of what may be missing
		{"claim", []param{textParam("name")}, true,
			"The user's claim of that name, and its part of the next name, and so on.", `claim("address", "country") == "DE"`, (*checker).claim},
		{"present", []param{{name: "value"}}, false,
			"Whether the value is there. It is unknown only of a value that is there and can be read in two ways.", `present(user.claims["department"])`, (*checker).present},
		{"coalesce", []param{{name: "value"}}, true,
			"The first of the values that is there. A claim that is there, but of another kind than the others, makes the whole unknown.", `coalesce(user.claims["level"], 0) > 3`, (*checker).coalesce},
	}
}
