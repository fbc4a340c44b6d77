package node

import "net/http"

func (a *api) mountCertificates(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/certificates", a.certificates)
	mux.HandleFunc("POST /v1/certificates/{name}/renew", a.renewCertificate)
}

// certificates are those that are ordered, as this node serves them.
func (a *api) certificates(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{"certificates": a.node.certs.Status()})
}

// renewCertificate has a certificate ordered anew. It is done when the list says so.
func (a *api) renewCertificate(w http.ResponseWriter, r *http.Request) {
	if !a.up(w) {
		return
	}
	name := r.PathValue("name")
	if err := a.node.certs.Renew(r.Context(), name); err != nil {
		fail(w, err)
		return
	}
	a.node.log.Info().Str("name", name).Msg("a certificate is ordered anew for the operator")
	answer(w, http.StatusOK, map[string]string{"name": name})
}
