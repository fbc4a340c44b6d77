# Functions that cannot answer. The mistake is at the call, not at the attribute.

cluster {
  name = env("NOT_SET_ANYWHERE")             # ERROR: Environment variable not set; NOT_SET_ANYWHERE is not set where this runs.
  secrets = [
    file("no-such-file"),                    # ERROR: File not readable;
    evn("PICKET_SECRET"),                    # ERROR: Unknown function; There is no function "evn". Did you mean "env"?
    base64decode("%%%"),                     # ERROR: Not base64; The text is not base64 (RFC 4648).
    base64decode("/////w=="),                # ERROR: Not base64; What is encoded is not text (UTF-8).
    sha256("x"),                             # ERROR: Unknown function; There is no function "sha256". The functions are "base64decode", "env", "file", "hostname" and "jsondecode".
    env("A", "b", "c"),                      # ERROR: Wrong type; env takes a name and at most one default
    env(),                                   # ERROR: Not enough function arguments
    jsondecode("{"),                         # ERROR: Error in function call
  ]
}

listen "https" {
  address = "${hostname()}${env("NOT_SET_EITHER")}:443" # ERROR: Environment variable not set; NOT_SET_EITHER is not set
}
