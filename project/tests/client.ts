// What a frontend does with the types generated from the schema. It is type-checked, never run.
import createClient from "openapi-fetch";
import type { paths } from "./schema";

const api = createClient<paths>({ baseUrl: "https://api.example.com", credentials: "include" });

export async function signIn(email: string, password: string): Promise<string> {
  const { data, error } = await api.POST("/api/login/", { body: { email, password } });
  if (error) throw new Error("detail" in error ? String(error.detail) : JSON.stringify(error));
  return data.user.username;
}

export async function refresh(): Promise<string | undefined> {
  const { data } = await api.POST("/api/token/refresh/");
  return data?.access;
}

export async function signInApp(email: string, password: string): Promise<string | null | undefined> {
  const params = { header: { "X-Token-Transport": "body" } };
  const { data } = await api.POST("/api/login/", { params, body: { email, password } });
  if (!data?.refresh) return undefined;
  const renewed = await api.POST("/api/token/refresh/", { params, body: { refresh: data.refresh } });
  return renewed.data?.refresh;
}

export async function videos(search: string): Promise<{ id: number; title: string; hls: string }[]> {
  const { data } = await api.GET("/api/video/", { params: { query: { search, limit: 20 } } });
  return (data ?? []).map((video) => ({ id: video.id, title: video.title, hls: video.hls_url }));
}

export async function video(video_id: number): Promise<readonly string[]> {
  const { data } = await api.GET("/api/video/{video_id}/", { params: { path: { video_id } } });
  return data?.resolutions ?? [];
}

export async function register(email: string, password: string): Promise<number> {
  const body = { email, password, confirmed_password: password };
  const { data, response } = await api.POST("/api/register/", { body });
  if (!data) throw new Error(`refused with ${response.status}`);
  return data.user.id;
}

// @ts-expect-error a body without its password is no body
export const wrong = () => api.POST("/api/login/", { body: { email: "ada@example.com" } });
