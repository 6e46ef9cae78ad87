// An OpenID provider whose client has a back-channel logout: oidc-provider, with its own pages for sign-in. It says its
// issuer, and then what became of each logout token that it sends.
import { createServer } from "node:http";
import Provider from "oidc-provider";

console.info = console.error; // its notices: what is read here is stdout
const [logout, redirect] = process.argv.slice(2);
const server = createServer((request, response) => answer(request, response));
let answer;
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: "shop",
      client_secret: "secret",
      redirect_uris: [redirect],
      backchannel_logout_uri: logout,
      backchannel_logout_session_required: true,
    }],
    cookies: { keys: ["a key of this test"] },
    features: { backchannelLogout: { enabled: true } },
    pkce: { required: () => false },
    // By its dispatcher it posts nothing to loopback, and by its signal it gives up after 2.5 s.
    fetch: (url, init) => fetch(url, { ...init, dispatcher: undefined, signal: undefined }),
  });
  provider.on("backchannel.success", () => console.log("taken"));
  provider.on("backchannel.error", (_, error) => console.log(`refused: ${error.message}`));
  answer = provider.callback();
  console.log(issuer);
});
