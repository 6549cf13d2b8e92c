"""Watches the daemon through POST /offer with aiortc, a WebRTC stack of its own, and prints what it decoded as JSON."""

import asyncio
import json
import sys

import aiohttp
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription


async def watch(url: str, wanted: int) -> dict:
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    transceiver = connection.addTransceiver("video", direction="recvonly")
    await connection.setLocalDescription(await connection.createOffer())
    offer = {"sdp": connection.localDescription.sdp, "type": connection.localDescription.type}
    async with aiohttp.ClientSession() as http, http.post(f"{url}/offer", json=offer) as response:
        if response.status != 200:
            raise RuntimeError(f"POST /offer: {response.status} {await response.text()}")
        answer = await response.json()
    await connection.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
    for _ in range(wanted):
        frame = await transceiver.receiver.track.recv()
    picture = frame.to_ndarray(format="rgb24")
    row = picture[frame.height // 3]
    colours = [row[int((bar + 0.5) * frame.width / 7)].tolist() for bar in range(7)]
    await connection.close()
    size = {"width": frame.width, "height": frame.height}
    return {"frames": wanted, **size, "colours": colours, "natInfo": answer["nat_info"]}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(asyncio.wait_for(watch(sys.argv[1], int(sys.argv[2])), timeout=40))))
