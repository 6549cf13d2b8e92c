"""The smallest aiortc server that sends a picture: what the bench runs beside icescope.

Its page measures nothing: the bench measures both pages in the same way.
"""

import fractions
import sys

import av
import numpy
from aiohttp import web
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription, VideoStreamTrack

PAGE = """<!doctype html><button id="start">Start</button><video autoplay muted playsinline></video><script>
document.querySelector('#start').onclick = async () => {
  const connection = new RTCPeerConnection();
  connection.addTransceiver('video', { direction: 'recvonly' });
  connection.ontrack = ({ track }) => { document.querySelector('video').srcObject = new MediaStream([track]); };
  await connection.setLocalDescription();
  const body = JSON.stringify(connection.localDescription);
  const headers = { 'Content-Type': 'application/json' };
  const answer = await fetch('/offer', { method: 'POST', headers, body });
  await connection.setRemoteDescription(await answer.json());
};
</script>"""

COLOURS = [(255, 255, 255), (255, 255, 0), (0, 255, 255), (0, 255, 0), (255, 0, 255), (255, 0, 0), (0, 0, 255)]


def bars() -> av.VideoFrame:
    """640x480, seven bars, converted once."""
    picture = numpy.zeros((480, 640, 3), numpy.uint8)
    for x in range(640):
        picture[:, x] = COLOURS[x * 7 // 640]
    return av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")


class Bars(VideoStreamTrack):
    """The same frame, thirty times a second."""

    def __init__(self) -> None:
        super().__init__()
        self.picture = bars()

    async def recv(self) -> av.VideoFrame:
        pts, time_base = await self.next_timestamp()
        frame = self.picture
        frame.pts, frame.time_base = pts, fractions.Fraction(time_base)
        return frame


connections: set[RTCPeerConnection] = set()


async def offer(request: web.Request) -> web.Response:
    body = await request.json()
    # Without its default STUN server, for which it would wait five seconds here.
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    connections.add(connection)

    @connection.on("connectionstatechange")
    async def changed() -> None:
        if connection.connectionState in ("failed", "closed"):
            await connection.close()
            connections.discard(connection)

    await connection.setRemoteDescription(RTCSessionDescription(body["sdp"], body["type"]))
    connection.addTrack(Bars())
    await connection.setLocalDescription(await connection.createAnswer())
    local = connection.localDescription
    return web.json_response({"sdp": local.sdp, "type": local.type})


async def page(_: web.Request) -> web.Response:
    return web.Response(text=PAGE, content_type="text/html")


if __name__ == "__main__":
    app = web.Application()
    app.add_routes([web.get("/", page), web.post("/offer", offer)])
    web.run_app(app, host=sys.argv[1], port=int(sys.argv[2]), print=None)
