// Google's IdTokenVerifier on the JDK's own server. Its keys are kept for an hour: there is no setting for that.
import com.google.api.client.auth.openidconnect.IdToken;
import com.google.api.client.auth.openidconnect.IdTokenVerifier;
import com.google.api.client.json.gson.GsonFactory;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.Executors;

class App {
  public static void main(String[] told) throws IOException {
    IdTokenVerifier verifier = new IdTokenVerifier.Builder()
        .setCertificatesLocation(told[1]).setIssuer(told[2]).setAudience(List.of(told[3])).build();
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(told[0])), 100);
    server.setExecutor(Executors.newCachedThreadPool());
    server.createContext("/me", exchange -> answer(exchange, taken(verifier, exchange)));
    server.start();
  }

  static boolean taken(IdTokenVerifier verifier, HttpExchange exchange) {
    String header = exchange.getRequestHeaders().getFirst("Authorization");
    if (header == null || !header.regionMatches(true, 0, "Bearer ", 0, 7)) {
      return false;
    }
    try {
      return verifier.verify(IdToken.parse(GsonFactory.getDefaultInstance(), header.substring(7)));
    } catch (IOException | RuntimeException unreadable) {
      return false;
    }
  }

  static void answer(HttpExchange exchange, boolean taken) throws IOException {
    if (!taken) {
      exchange.getResponseHeaders().set("WWW-Authenticate", "Bearer");
    }
    exchange.sendResponseHeaders(taken ? 200 : 401, -1);
    exchange.close();
  }
}
