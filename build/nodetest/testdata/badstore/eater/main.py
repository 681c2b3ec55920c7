import time
kept = []
while True:
    kept.append(bytearray(b"x") * (4 << 20))
    time.sleep(0.01)
