"""Receives webhooks and has each one verified by the library of the Standard Webhooks specification.

Usage: webhook-receiver.py SECRET. Prints the port that it listens on, and then one line for each request: the event, as it was
verified, or `refused: ...`. A file named in REFUSE_WHILE makes it answer 503 for as long as it is there.
"""

import http.server
import json
import os
import sys

from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook(sys.argv[1])
refuse_while = os.environ.get("REFUSE_WHILE", "")


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if refuse_while and os.path.exists(refuse_while):
            return self.answer(503)
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            event = webhook.verify(body, headers)
        except WebhookVerificationError as error:
            print(f"refused: {error}", flush=True)
            return self.answer(400)
        print(json.dumps(event), flush=True)
        self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
print(server.server_port, flush=True)
server.serve_forever()
