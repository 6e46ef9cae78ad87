// Apollo Server with jose in its context, and a GraphQLError of status 401 as its page has it.
import { ApolloServer } from "@apollo/server";
import { startStandaloneServer } from "@apollo/server/standalone";
import { GraphQLError } from "graphql";
import { createRemoteJWKSet, jwtVerify } from "jose";

const [port, jwksUri, issuer, audience] = process.argv.slice(2);
const keys = createRemoteJWKSet(new URL(jwksUri), { cacheMaxAge: 2000 });
const server = new ApolloServer({ typeDefs: "type Query { me: String }", resolvers: { Query: { me: () => "welcome" } } });
await startStandaloneServer(server, {
  listen: { host: "127.0.0.1", port: Number(port) },
  context: async ({ req }) => {
    const token = (req.headers.authorization ?? "").replace(/^bearer /i, "");
    try {
      return await jwtVerify(token, keys, { issuer, audience, algorithms: ["RS256"] });
    } catch {
      throw new GraphQLError("not signed in", { extensions: { code: "UNAUTHENTICATED", http: { status: 401 } } });
    }
  },
});
