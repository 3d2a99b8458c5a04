from django.apps import AppConfig


class HLSConfig(AppConfig):
    name = "hls"
    verbose_name = "Transcoding"
