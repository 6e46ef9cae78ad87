"""AWS Lambda: `lambda_app.handler` behind a function URL, a load balancer or API Gateway's proxy, and
`lambda_app.authorize` as API Gateway's authorizer.

Verifiers are built once, when the environment starts: each invocation uses the keys that are there.
"""

import json

from rightkey import Verifier
from rightkey.integrations.awslambda import authorizer, protected

verifier = Verifier("tenant.eu.auth0.com", audience="https://api.example.com")
authorize = authorizer(verifier=verifier)


@protected(verifier=verifier)
def handler(event, context, token):
    return {
        "statusCode": 200,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps({"subject": token.subject}),
    }
