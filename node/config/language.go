package config

// shape is what may stand inside one kind of block.
type shape struct {
	label      string           // what the one label is, such as "NAME"; "": no label, and at most one such block
	attributes []string         // that this version reads
	blocks     map[string]shape // that this version reads
	later      []string         // attributes and blocks that the language knows and this version does not
	elsewhere  bool             // name and inside are the matter of package policy
}

// language is the whole vocabulary of cluster.hcl.
func language() shape {
	return shape{
		blocks: map[string]shape{
			"cluster":      clusterShape(),
			"listen":       listenShape(),
			"acme":         acmeShape(),
			"admin":        {attributes: []string{"address", "pprof"}},
			"telemetry":    telemetryShape(),
			"authenticate": {attributes: []string{"url"}},
			"identity":     identityShape(),
			"session":      {attributes: []string{"lifetime", "idle", "same_site"}},
			"data":         {label: "NAME", attributes: []string{"bucket"}},
			"policy":       {label: "NAME", elsewhere: true},
			"test":         {label: "NAME", elsewhere: true},
			"route":        routeShape(),
		},
		later: []string{"console", "directory", "forward_auth", "workload"},
	}
}

func clusterShape() shape {
	return shape{
		attributes: []string{"name", "secrets", "max_staleness"},
		blocks: map[string]shape{
			"broker": {attributes: append(embeddedOnly(), append(externalOnly(), "node")...)},
		},
	}
}

// embeddedOnly are the attributes of a broker inside the node.
func embeddedOnly() []string {
	return []string{"peers", "listen", "client", "store", "sync", "limit"}
}

// externalOnly are the attributes of a NATS cluster that runs already.
func externalOnly() []string {
	return []string{"url", "credentials", "ca", "prefix", "replicas"}
}

func listenShape() shape {
	return shape{
		label:      "NAME",
		attributes: append(clientAttributes(), "address", "tls", "redirect", "trusted_proxies", "http3", "proxy_protocol"),
		blocks: map[string]shape{
			"limits": {
				attributes: []string{
					"header_bytes", "headers", "header_timeout", "idle_timeout", "body_rate", "streams", "connections", "connection_rate",
					"connection_burst", "address_connections", "address_rate", "address_burst",
				},
			},
		},
	}
}

func telemetryShape() shape {
	return shape{
		attributes: []string{"log_level", "log_format", "access_log", "decision_log"},
		later:      []string{"traces"},
	}
}

func identityShape() shape {
	return shape{
		label: "NAME",
		attributes: []string{
			"kind", "issuer", "client_id", "client_secret", "scopes", "groups_claim", "auth_params", "ca",
			"insecure_http", "logout",
		},
	}
}

func routeShape() shape {
	return shape{
		label: "NAME",
		attributes: append(clientAttributes(),
			"from", "to", "policy", "public", "any_user", "identity", "identity_headers", "websocket", "timeout",
			"idle_timeout", "shadow", "paths", "methods", "cors_preflight", "body_limit",
			"balance", "hash", "weights", "proxy_protocol", "upgrade",
		),
		blocks: map[string]shape{
			"session":   {attributes: []string{"lifetime", "idle"}},
			"assertion": {attributes: []string{"header", "claims", "audience", "lifetime"}},
			"limit":     {attributes: []string{"rate", "per", "burst", "key"}},
			"rewrite":   {attributes: []string{"host", "pattern", "prefix", "replace"}},
			"redirect":  {attributes: []string{"host", "scheme", "port", "path", "prefix", "code", "strip_query"}},
			"respond":   {attributes: []string{"status", "body", "content_type"}},

			"request_headers":  {attributes: []string{"set", "remove"}},
			"response_headers": {attributes: []string{"set", "remove"}},

			"health":       {attributes: []string{"path", "grpc", "tcp", "host", "every", "timeout", "healthy", "unhealthy"}},
			"outliers":     {attributes: []string{"errors", "window", "eject", "max_ejected"}},
			"retry":        {attributes: []string{"attempts", "on"}},
			"circuit":      {attributes: []string{"requests", "pending", "wait"}},
			"upstream_tls": {attributes: []string{"ca", "name", "certificate", "key", "skip_verify"}},
			"kubernetes":   {attributes: []string{"token", "impersonate"}},
		},
	}
}

// The values that the language knows beside those that this version acts on.

func laterKinds() []string {
	return []string{
		"apple", "auth0", "cognito", "entra", "github", "gitlab", "google", "keycloak", "okta", "onelogin", "ping",
	}
}

func laterLogouts() []string { return []string{"back_channel", "front_channel"} }
