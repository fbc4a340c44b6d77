package config

// mistake is the summary of a diagnostic: one sentence a kind, the same wherever it occurs, so that people can search
// for it. A test holds that each of them is shown by a file in testdata.
type mistake string

// The mistakes of the language itself.
const (
	unknownBlock     mistake = "Unknown block"
	unknownAttribute mistake = "Unknown attribute"
	unknownFunction  mistake = "Unknown function"
	unknownReference mistake = "Unknown reference"
	notReference     mistake = "Not a reference"
	notYet           mistake = "Not in this version"
	blockExpected    mistake = "This is a block"
	attributeWanted  mistake = "This is an attribute"
	wrongLabels      mistake = "Wrong labels"
	duplicateBlock   mistake = "Duplicate block"
	duplicateName    mistake = "Duplicate name"
	badName          mistake = "Name not allowed"
	missingBlock     mistake = "Missing block"
	missingAttribute mistake = "Missing attribute"
	notAValue        mistake = "Not a value"
	wrongType        mistake = "Wrong type"
	emptyValue       mistake = "Empty value"
	notOneOf         mistake = "Value not allowed"
	outOfRange       mistake = "Out of range"
	badDuration      mistake = "Not a duration"
	badSize          mistake = "Not a size"
	badAddress       mistake = "Not an address"
	badNetwork       mistake = "Not a network"
	badURL           mistake = "Not a usable URL"
	badPEM           mistake = "Not usable PEM"
	badPattern       mistake = "Not a pattern"
)

// The mistakes of functions, each at the call.
const (
	envMissing   mistake = "Environment variable not set"
	fileMissing  mistake = "File not readable"
	base64Broken mistake = "Not base64"
)

// The mistakes of what is said.
const (
	shortSecret      mistake = "Secret too short"
	peerCount        mistake = "Wrong number of peers"
	badPeer          mistake = "Not a peer"
	twoBrokers       mistake = "Two kinds of broker"
	badCredentials   mistake = "Not NATS credentials"
	addressTwice     mistake = "Address used twice"
	badRedirect      mistake = "Redirect leads nowhere"
	keyMismatch      mistake = "Certificate and key do not match"
	plainHTTP        mistake = "Plain http"
	reservedPath     mistake = "Path belongs to picket"
	openidMissing    mistake = "Scope openid is missing"
	reservedParam    mistake = "Parameter belongs to picket"
	reservedClaim    mistake = "Claim belongs to picket"
	looserSession    mistake = "Session looser than the cluster's"
	whoMayEnter      mistake = "Who may enter?"
	sameRoute        mistake = "Two routes for one address"
	badHeader        mistake = "Header not allowed"
	nobodyCanSignIn  mistake = "Nobody could sign in"
	idleBeyond       mistake = "Idle time without effect"
	notOffered       mistake = "Access that cannot be meant"
	insecureNotAsked mistake = "Switch without effect"
	shadowEnforced   mistake = "Shadow policy in force"
	bucketTwice      mistake = "Bucket used twice"
	badPath          mistake = "Not a usable path"
	badMethod        mistake = "Not a usable method"
	needsDNS         mistake = "Certificate that only DNS proves"
	badEmail         mistake = "Not an email address"
	twoAnswers       mistake = "One or the other"
	notForTCP        mistake = "Not for a route that carries TCP"
	noTLS            mistake = "No TLS to show a certificate by"
	badList          mistake = "Not a list of client_ca"
	notOverUDP       mistake = "Not over UDP"
)

// What may be meant, but is told.
const (
	literalSecret      mistake = "Secret in the configuration"
	shortStaleness     mistake = "Short max_staleness"
	onlyPeer           mistake = "The only peer is another node"
	openAdmin          mistake = "Admin open to everyone"
	nestedTooDeep      mistake = "Nested too deep"
	publicAdmin        mistake = "Admin reachable from outside"
	believesAll        mistake = "Everyone is trusted as a proxy"
	certificateExpired mistake = "Certificate has expired"
	listExpired        mistake = "List of revoked certificates has expired"
	listMissing        mistake = "No list of revoked certificates"
	certificateGap     mistake = "No certificate for a host"
	insecureIssuer     mistake = "Sign-in without TLS"
	acmeIdle           mistake = "Certificates that nobody asks for"
	noRoutes           mistake = "No routes"
	shadowOfItself     mistake = "Shadow of itself"
	pathsOverlap       mistake = "Two expressions for one path"
	withoutEffect      mistake = "Setting without effect"
	starInPath         mistake = "Star in a path"
	certificateUnasked mistake = "Certificate that nobody asks for"
	notVerified        mistake = "Upstream not verified"
)

// takesRestart is what a running node says of a configuration that is to take the place of its own.
const takesRestart mistake = "Takes a restart"

// notFound is the mistake of the path given to Load.
const notFound mistake = "No configuration found"
