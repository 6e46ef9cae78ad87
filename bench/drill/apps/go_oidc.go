// go-oidc on net/http: its README's provider, which asks for metadata at the start.
package main

import (
	"context"
	"log"
	"net/http"
	"os"
	"strings"

	oidc "github.com/coreos/go-oidc"
)

func main() {
	port, issuer, audience := os.Args[1], os.Args[3], os.Args[4]
	provider, err := oidc.NewProvider(context.Background(), issuer)
	if err != nil {
		log.Fatal(err)
	}
	verifier := provider.Verifier(&oidc.Config{ClientID: audience})
	http.HandleFunc("/me", func(response http.ResponseWriter, request *http.Request) {
		scheme, token, _ := strings.Cut(request.Header.Get("Authorization"), " ")
		if _, err := verifier.Verify(request.Context(), token); err != nil || !strings.EqualFold(scheme, "Bearer") {
			response.Header().Set("WWW-Authenticate", "Bearer")
			response.WriteHeader(http.StatusUnauthorized)
		}
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+port, nil))
}
