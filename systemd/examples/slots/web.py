# A program that one slot can take over from the other: the image of web.tako and of api.tako. What matters in it is how
# it ends. Told to stop, it accepts nothing more, answers whom it has accepted, and only then ends.

import os, select, signal, socket, sys, threading

VERSION = "1.0.0"

if "LISTEN_FDS" in os.environ:
    # From systemd (web.socket), which goes on listening: whoever comes now is for the other slot.
    listener, is_shared = socket.socket(fileno=3), True
else:
    listener, is_shared = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=128), False
listener.setblocking(False)
told, teller = os.pipe()
signal.signal(signal.SIGTERM, lambda *_: os.write(teller, b"."))
threads = []


def answer(connection):
    connection.setblocking(True)
    request = b""
    while b"\r\n\r\n" not in request and len(request) < 65536:
        piece = connection.recv(4096)
        if not piece:
            break
        request += piece
    else:
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(VERSION)}\r\nConnection: close\r\n\r\n"
        connection.sendall((head + VERSION).encode())
    connection.close()


def accept():
    try:
        connection, _ = listener.accept()
    except BlockingIOError:  # Nobody is there, or the other slot was faster.
        return False
    threads[:] = [thread for thread in threads if thread.is_alive()]
    threads.append(threading.Thread(target=answer, args=(connection,)))
    threads[-1].start()
    return True


while told not in select.select([listener, told], [], [])[0]:
    accept()
if not is_shared:
    # Whoever has connected to a port of its own waits for no other slot.
    while accept():
        pass
listener.close()
for thread in threads:
    thread.join()
