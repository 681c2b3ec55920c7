import time
print("listening soon", flush=True)
time.sleep(3600)
