"""Events as AWS's documentation shows them: what API Gateway, function URLs and load balancers send."""

from __future__ import annotations

from typing import Any

TOKEN: dict[str, Any] = {
    "type": "TOKEN",
    "authorizationToken": "",
    "methodArn": "arn:aws:execute-api:us-east-1:123456789012:abcdef123/test/GET/request",
}
"""API Gateway, REST API: input to a TOKEN authorizer."""

REST: dict[str, Any] = {
    "resource": "/request",
    "path": "/request",
    "httpMethod": "GET",
    "headers": {"X-AMZ-Date": "20170718T062915Z", "Accept": "*/*", "HeaderAuth1": "headerValue1"},
    "multiValueHeaders": {
        "X-AMZ-Date": ["20170718T062915Z"],
        "Accept": ["*/*"],
        "HeaderAuth1": ["headerValue1"],
    },
    "queryStringParameters": {"QueryString1": "queryValue1"},
    "multiValueQueryStringParameters": {"QueryString1": ["queryValue1"]},
    "pathParameters": {},
    "stageVariables": {"StageVar1": "stageValue1"},
    "requestContext": {
        "path": "/test/request",
        "accountId": "123456789012",
        "resourceId": "05c7jb",
        "stage": "test",
        "requestId": "...",
        "identity": {"apiKey": "...", "sourceIp": "203.0.113.7", "userAgent": "PostmanRuntime/2.4.5"},
        "resourcePath": "/request",
        "httpMethod": "GET",
        "apiId": "abcdef123",
    },
    "body": None,
    "isBase64Encoded": False,
}
"""API Gateway, REST API: proxy integration, and with `type` and `methodArn` a REQUEST authorizer's."""

HTTP_1: dict[str, Any] = REST | {
    "version": "1.0",
    "resource": "/my/path",
    "path": "/my/path",
    "identitySource": "user1,123",
    "authorizationToken": "user1,123",
    "requestContext": REST["requestContext"]
    | {"path": "/my/path", "stage": "$default", "domainName": "id.example"},
}
"""API Gateway, HTTP API: payload 1.0."""

WEBSOCKET: dict[str, Any] = {
    "headers": {"Host": "abcdef123.execute-api.us-east-1.amazonaws.com", "Sec-WebSocket-Version": "13"},
    "multiValueHeaders": {
        "Host": ["abcdef123.execute-api.us-east-1.amazonaws.com"],
        "Sec-WebSocket-Version": ["13"],
    },
    "queryStringParameters": None,
    "multiValueQueryStringParameters": None,
    "stageVariables": None,
    "requestContext": {
        "routeKey": "$connect",
        "eventType": "CONNECT",
        "messageDirection": "IN",
        "stage": "test",
        "identity": {"sourceIp": "203.0.113.7"},
        "connectionId": "L0SM9cOFvHcCIhw=",
        "apiId": "abcdef123",
    },
}
"""API Gateway, websocket API: the handshake, of which only an authorizer is asked."""

HTTP_2: dict[str, Any] = {
    "version": "2.0",
    "routeKey": "$default",
    "rawPath": "/my/path",
    "rawQueryString": "parameter1=value1&parameter1=value2&parameter2=value",
    "cookies": ["cookie1=a", "cookie2=b"],
    "identitySource": ["user1", "123"],
    "headers": {"header1": "value1", "header2": "value1,value2"},
    "queryStringParameters": {"parameter1": "value1,value2", "parameter2": "value"},
    "requestContext": {
        "accountId": "123456789012",
        "apiId": "abcdef123",
        "domainName": "id.execute-api.us-east-1.amazonaws.com",
        "domainPrefix": "id",
        "http": {
            "method": "POST",
            "path": "/my/path",
            "protocol": "HTTP/1.1",
            "sourceIp": "203.0.113.7",
            "userAgent": "agent",
        },
        "requestId": "id",
        "routeKey": "$default",
        "stage": "$default",
        "time": "12/Mar/2020:19:03:58 +0000",
        "timeEpoch": 1583348638390,
    },
    "body": "Hello from Lambda",
    "isBase64Encoded": False,
}
"""API Gateway, HTTP API: payload 2.0, and with `type` and `routeArn` an authorizer's."""

FUNCTION_URL: dict[str, Any] = {
    **{name: value for name, value in HTTP_2.items() if name != "identitySource"},
    "requestContext": HTTP_2["requestContext"]
    | {"domainName": "<url-id>.lambda-url.us-west-2.on.aws", "authentication": None, "authorizer": None},
}
"""A function URL, which has the payload 2.0."""

ALB: dict[str, Any] = {
    "requestContext": {
        "elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/a/b"}
    },
    "httpMethod": "GET",
    "path": "/lambda",
    "queryStringParameters": {"query": "1234ABCD"},
    "headers": {"accept": "text/html", "x-forwarded-for": "72.12.164.125", "x-forwarded-proto": "http"},
    "body": "",
    "isBase64Encoded": False,
}
"""An application load balancer."""

ALB_SEVERAL: dict[str, Any] = {
    **{name: value for name, value in ALB.items() if name not in ("headers", "queryStringParameters")},
    "multiValueHeaders": {name: [value] for name, value in ALB["headers"].items()},
    "multiValueQueryStringParameters": {"query": ["1234ABCD"]},
}
"""The same with `lambda.multi_value_headers.enabled` on its target group."""
