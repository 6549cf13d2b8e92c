// The least client there is, the same for every server: it measures the server and Chromium, not a page around them.

/** Runs in the page. Signals by WHEP with trickle, or by the aiortc demos' JSON; answers the milliseconds to the first frame. */
export async function bareClient(protocol) {
  const video = document.createElement('video');
  Object.assign(video, { muted: true, autoplay: true, playsInline: true });
  document.documentElement.append(video);
  const frame = new Promise((resolve) => {
    video.requestVideoFrameCallback(() => resolve(performance.now()));
  });

  const created = performance.now();
  const connection = new RTCPeerConnection();
  connection.ontrack = ({ track }) => {
    video.srcObject = new MediaStream([track]);
  };
  let resource = null;
  const waiting = [];
  const trickle = () => {
    if (resource === null || waiting.length === 0) return;
    const lines = waiting.splice(0).map(({ candidate }) => `a=${candidate}\r\n`);
    const ufrag = /a=ice-ufrag:\S+/.exec(connection.localDescription.sdp)[0];
    const body = `${ufrag}\r\nm=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n${lines.join('')}`;
    const headers = { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': resource.etag };
    return fetch(resource.location, { method: 'PATCH', headers, body });
  };
  connection.onicecandidate = ({ candidate }) => {
    if (candidate === null || protocol !== 'whep') return;
    waiting.push(candidate);
    trickle();
  };
  connection.addTransceiver('video', { direction: 'recvonly' });
  const { sdp } = await connection.createOffer();
  await connection.setLocalDescription({ type: 'offer', sdp });
  if (protocol === 'whep') {
    const response = await fetch('/whep', {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp' },
      body: sdp,
    });
    if (response.status !== 201) throw new Error(`POST /whep: ${response.status}`);
    resource = { location: response.headers.get('location'), etag: response.headers.get('etag') };
    const answer = await response.text();
    trickle();
    await connection.setRemoteDescription({ type: 'answer', sdp: answer });
  } else {
    const headers = { 'Content-Type': 'application/json' };
    const response = await fetch('/offer', { method: 'POST', headers, body: JSON.stringify({ type: 'offer', sdp }) });
    await connection.setRemoteDescription(await response.json());
  }
  const took = (await frame) - created;
  if (resource !== null) await fetch(resource.location, { method: 'DELETE' });
  connection.close();
  return took;
}
