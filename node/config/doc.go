// Package config reads cluster.hcl, the configuration language of picket, into plain Go values.
package config
